//! Response bodies that several endpoints share.

use serde::Serialize;
use serde_json::Value;
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Listed, Storable};
use crate::domain::{
    auth::TokenPair,
    text,
    users::{PhotoUrl, User},
};

/// A pair of tokens and the user to whom they belong.
#[derive(Serialize, ToSchema)]
pub struct TokensResponse {
    user_data: UserData,
    /// The access token, valid for minutes. Send it as `Authorization: Bearer …`.
    access: String,
    /// The refresh token, valid for days and for one refresh.
    refresh: String,
    /// The scheme of the header `Authorization`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The remaining lifetime of the access token in seconds.
    #[schema(minimum = 0, example = 300)]
    expires_in: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserData {
    uuid: Uuid,
}

impl From<TokenPair> for TokensResponse {
    fn from(pair: TokenPair) -> Self {
        Self {
            user_data: UserData { uuid: pair.user },
            access: pair.access.expose().clone(),
            refresh: pair.refresh.expose().clone(),
            token_type: "Bearer",
            expires_in: pair.expires_in.whole_seconds(),
        }
    }
}

/// Leaves out the tokens.
impl std::fmt::Debug for TokensResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokensResponse").field("user_data", &self.user_data).finish_non_exhaustive()
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListResponse<T> {
    results: Vec<T>,
    /// The `cursor` of the next page. Null on the last page.
    #[schema(required)]
    next: Option<String>,
    /// The number of matching rows on all pages. Only with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    count: Option<u64>,
}

impl<E, T: From<E>> From<Listed<E>> for ListResponse<T> {
    fn from(listed: Listed<E>) -> Self {
        Self {
            results: listed.rows.into_iter().map(T::from).collect(),
            next: listed.next.map(|cursor| cursor.encode()),
            count: listed.count,
        }
    }
}

/// Declares a response body that is made from an entity. Each field has the value of the entity's field of the
/// same name. A function after `=>` changes the value.
///
/// ```ignore
/// response! {
///     #[derive(Debug, Serialize, ToSchema)]
///     pub struct OrderResponse from Order {
///         uuid: Uuid,
///         reference: String => Reference::into_string,
///     }
/// }
/// ```
#[macro_export]
macro_rules! response {
    (
        $(#[$about:meta])*
        $vis:vis struct $name:ident from $entity:ident {
            $($(#[$note:meta])* $field:ident: $type:ty $(=> $change:expr)?,)+
        }
    ) => {
        $(#[$about])*
        $vis struct $name {
            $($(#[$note])* $field: $type,)+
        }

        impl From<$entity> for $name {
            fn from(entity: $entity) -> Self {
                Self {
                    $($field: {
                        let value = entity.$field;
                        $(let value = $change(value);)?
                        value
                    },)+
                }
            }
        }
    };
}

response! {
    /// A user's full profile, without the password hash.
    #[derive(Serialize, ToSchema)]
    pub struct UserResponse from User {
        id: i64,
        uuid: Uuid,
        /// As it was typed. Addresses of one account can be spelled in several ways: compare users by `uuid`.
        #[schema(required)]
        email: Option<String>,
        #[schema(required)]
        phone: Option<String>,
        #[schema(required)]
        first_name: Option<String> => line,
        #[schema(required)]
        last_name: Option<String> => line,
        /// The date as `YYYY-MM-DD`.
        #[serde(with = "date::option")]
        #[schema(required)]
        birthday: Option<Date>,
        #[schema(required)]
        photo: Option<String> => PhotoUrl::or_none,
        #[schema(required)]
        street: Option<String> => line,
        #[schema(required)]
        city: Option<String> => line,
        #[schema(required)]
        state: Option<String> => line,
        #[schema(required)]
        zip_code: Option<String> => line,
        #[schema(required)]
        country: Option<String> => line,
        is_active: bool,
        is_guest: bool,
        /// A JSON object for your own data.
        #[schema(value_type = Object)]
        meta: Value,
        #[serde(with = "crate::domain::timestamp")]
        created_at: OffsetDateTime,
        #[serde(with = "crate::domain::timestamp")]
        updated_at: OffsetDateTime,
    }
}

/// Rows can be older than the checks of their texts.
fn line(text: Option<String>) -> Option<String> {
    text.map(text::one_line)
}

// The default format of a date is an array, but the schema says that it is a date string.
time::serde::format_description!(date, Date, "[year]-[month]-[day]");

impl Storable for UserResponse {}

/// Leaves out the personal data.
impl std::fmt::Debug for UserResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserResponse").field("uuid", &self.uuid).finish_non_exhaustive()
    }
}

/// The id of a link or a code that was asked for. It is the same for an address that nobody has.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChallengeResponse {
    pub id: Uuid,
}

impl Storable for ChallengeResponse {}
