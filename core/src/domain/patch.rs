//! A change to one field: keep it, clear it or set it. In JSON the key is missing, null, or has a value.

use serde::{Deserialize, Deserializer, de::Error as _};
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr,
        schema::{Schema, SchemaType, Type},
    },
};

/// In a body type: `#[serde(default)] first_name: Patch<Text<128>>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Absent,
    Null,
    Set(T),
}

impl<T> Patch<T> {
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }
}

/// The schema of the value, or null.
impl<T: PartialSchema> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema
            && let SchemaType::Type(value) = &object.schema_type
        {
            object.schema_type = SchemaType::from_iter([value.clone(), Type::Null]);
        }
        schema
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Called only for a key that is there.
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Set))
    }
}

/// Reads a field that may be left out, but must not be null: then the error is `null`.
///
/// In a body type: `#[serde(default, deserialize_with = "patch::not_null")] is_active: Option<bool>`.
///
/// # Errors
/// Those of the type, and `null`.
pub fn not_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)?.map_or_else(|| Err(D::Error::custom("null")), |value| Ok(Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        name: Patch<String>,
        #[serde(default, deserialize_with = "not_null")]
        is_active: Option<bool>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let read = |json: &str| serde_json::from_str::<Body>(json).map(|body| body.name).ok();
        assert_eq!(read("{}"), Some(Patch::Absent));
        assert_eq!(read(r#"{"name": null}"#), Some(Patch::Null));
        assert_eq!(read(r#"{"name": "Ada"}"#), Some(Patch::Set("Ada".into())));
        assert_eq!(read(r#"{"name": 5}"#), None);
    }

    #[test]
    fn a_field_may_be_left_out_and_still_not_be_null() {
        let read = |json: &str| serde_json::from_str::<Body>(json).map(|body| body.is_active).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read(r#"{"is_active": false}"#), Some(Some(false)));
        assert_eq!(read(r#"{"is_active": null}"#), None);
    }
}
