//! The profile of a user: what users may change about themselves, and administrators about others.

use serde::Deserialize;
use serde_json::Value;
use time::Date;
use utoipa::{PartialSchema, ToSchema};

use super::{Birthday, Meta, PhotoUrl};
use crate::domain::{
    patch::{self, Patch},
    text::{self, Text},
};

/// Declares both changes from one list of fields. Each line holds a column, and the value that it takes.
///
/// [`ProfileChange`] has only these fields. [`UserChange`] also has `is_active`, which only an administrator
/// may change. Both are request bodies: a key that is not a field is refused.
macro_rules! profile {
    ($($field:ident: $value:ty,)+) => {
        /// What users may change about themselves. All else (address, phone, status) has its own way to change.
        #[derive(Debug, Clone, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = UpdateMeRequest, description = "A field that is left out keeps its value. Null clears it.")]
        pub struct ProfileChange {
            $(#[serde(default)]
            #[schema(schema_with = <Patch<$value> as PartialSchema>::schema)]
            pub $field: Patch<$value>,)+
        }

        /// What an administrator may change about others. Not the address, the phone or the password, because
        /// somebody who changes one of these can sign in as the user.
        #[derive(Debug, Clone, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = UpdateUserRequest, description = "A field that is left out keeps its value. Null clears it.")]
        pub struct UserChange {
            /// `false` signs the user out everywhere and blocks sign-in. Must not be null.
            #[serde(default, deserialize_with = "patch::not_null")]
            #[schema(value_type = bool, required = false)]
            pub is_active: Option<bool>,
            $(#[serde(default)]
            #[schema(schema_with = <Patch<$value> as PartialSchema>::schema)]
            pub $field: Patch<$value>,)+
        }

        /// The columns of the profile.
        pub const PROFILE_COLUMNS: &[&str] = &[$(stringify!($field)),+];

        /// Returns the columns of the profile that hold a text, each with the function that mends a stored text.
        pub fn profile_texts() -> impl Iterator<Item = (&'static str, Mend)> {
            let columns = [$((stringify!($field), <$value as Stored>::MEND)),+];
            columns.into_iter().filter_map(|(name, mend)| Some((name, mend?)))
        }

        impl From<ProfileChange> for UserChange {
            fn from(profile: ProfileChange) -> Self {
                Self { is_active: None, $($field: profile.$field),+ }
            }
        }

        impl UserChange {
            /// Returns the names of the fields that it changes, without the values.
            pub fn fields(&self) -> Vec<&'static str> {
                let profile = [$((stringify!($field), self.$field.is_absent())),+];
                let changed = profile.into_iter().filter(|(_, is_absent)| !is_absent).map(|(name, _)| name);
                changed.chain(self.is_active.map(|_| "is_active")).collect()
            }

            /// Returns the columns of the profile, each with its change.
            pub fn into_profile(self) -> impl Iterator<Item = (&'static str, Patch<ProfileValue>)> {
                [$((stringify!($field), self.$field.map(ProfileValue::from))),+].into_iter()
            }
        }
    };
}

profile! {
    first_name: Text<128>,
    last_name: Text<128>,
    birthday: Birthday,
    photo: PhotoUrl,
    street: Text<128>,
    city: Text<64>,
    state: Text<24>,
    zip_code: Text<24>,
    country: Text<64>,
    meta: Meta,
}

/// Corrects a text that was stored before its check existed. Returns `None` if nothing valid remains.
pub type Mend = fn(String) -> Option<String>;

/// A value that can be stored in an older form than the API accepts.
trait Stored {
    /// `None` for a value that is not a text.
    const MEND: Option<Mend> = None;
}

impl<const MAX: usize> Stored for Text<MAX> {
    const MEND: Option<Mend> = Some(|text| Some(text::one_line(text)));
}

impl Stored for PhotoUrl {
    const MEND: Option<Mend> = Some(|text| Self::or_none(Some(text)));
}

impl Stored for Birthday {}

impl Stored for Meta {}

/// The value of a column of the profile.
#[derive(Debug, Clone)]
pub enum ProfileValue {
    Text(String),
    Date(Date),
    Json(Value),
}

impl<const MAX: usize> From<Text<MAX>> for ProfileValue {
    fn from(text: Text<MAX>) -> Self {
        Self::Text(text.into_string())
    }
}

impl From<PhotoUrl> for ProfileValue {
    fn from(url: PhotoUrl) -> Self {
        Self::Text(url.into_string())
    }
}

impl From<Birthday> for ProfileValue {
    fn from(birthday: Birthday) -> Self {
        Self::Date(birthday.date())
    }
}

impl From<Meta> for ProfileValue {
    fn from(meta: Meta) -> Self {
        Self::Json(meta.into_json())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(body: Value) -> UserChange {
        serde_json::from_value(body).expect("a change")
    }

    #[test]
    fn a_change_names_the_fields_that_were_sent() {
        assert_eq!(change(json!({})).fields(), [""; 0]);
        let body = json!({ "is_active": false, "city": "London", "photo": null });
        assert_eq!(change(body).fields(), ["photo", "city", "is_active"]);
    }

    #[test]
    fn users_cannot_change_whether_they_are_active() {
        let own = |body: Value| serde_json::from_value::<ProfileChange>(body).map(UserChange::from);
        assert_eq!(own(json!({ "city": "London" })).expect("a change").fields(), ["city"]);
        assert!(own(json!({ "is_active": true })).is_err());
    }

    #[test]
    fn each_text_of_a_profile_can_be_mended() {
        let mended: Vec<_> = profile_texts().map(|(name, mend)| (name, mend("a\n".to_owned()))).collect();
        assert_eq!(
            mended.iter().map(|(name, _)| *name).take(4).collect::<Vec<_>>(),
            ["first_name", "last_name", "photo", "street"]
        );
        assert!(mended.iter().all(|(name, left)| left.as_deref() == (*name != "photo").then_some("a")));
    }

    #[test]
    fn each_column_has_its_own_change() {
        let body =
            json!({ "first_name": "Ada", "birthday": "1815-12-10", "state": null, "meta": { "a": 1 } });
        let columns = change(body).into_profile().filter(|(_, change)| !change.is_absent());
        let columns: Vec<String> = columns.map(|(name, change)| format!("{name} {change:?}")).collect();
        let expected = [
            "first_name Set(Text(\"Ada\"))",
            "birthday Set(Date(1815-12-10))",
            "state Null",
            "meta Set(Json(Object {\"a\": Number(1)}))",
        ];
        assert_eq!(columns, expected);
    }
}
