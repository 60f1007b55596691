//! A user's free JSON object, kept small: it is fetched with every request of its owner.

use serde::Deserialize;
use serde_json::Value;
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr,
        schema::{AdditionalProperties, ObjectBuilder, Schema, Type},
    },
};

use crate::domain::json;

/// An object of at most 16 KiB, as it is stored, and eight levels.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Meta(Value);

const MAX_BYTES: usize = 16 * 1024;
const MAX_DEPTH: usize = 8;
/// Postgres writes every digit of a number, and the largest of a double in digits is read back as
/// none: the row could be written and never be read again.
const MAX_NUMBER: f64 = 1e300;

impl Meta {
    /// # Errors
    /// The reason as a word: `type`, `too_long`, `too_deep`, `range` (a number beyond 1e300) or `format`
    /// (a NUL character).
    pub fn parse(value: Value) -> Result<Self, &'static str> {
        if !value.is_object() {
            return Err("type");
        }
        check(&value, 1)?;
        if json::stored_bytes(&value) > MAX_BYTES { Err("too_long") } else { Ok(Self(value)) }
    }

    pub fn into_json(self) -> Value {
        self.0
    }
}

impl PartialSchema for Meta {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(Type::Object);
        let object = object.additional_properties(Some(AdditionalProperties::FreeForm(true)));
        object.description(Some(ABOUT)).build().into()
    }
}

const ABOUT: &str =
    "Replaces the whole object. It may have at most 16 KiB, eight levels and numbers up to 1e300. All
digits of a number count: `1e300` has 301.";

fn check(value: &Value, depth: usize) -> Result<(), &'static str> {
    match value {
        Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => Err("too_deep"),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth + 1)),
        Value::Object(map) => {
            map.iter().try_for_each(
                |(key, value)| {
                    if key.contains('\0') { Err("format") } else { check(value, depth + 1) }
                },
            )
        }
        Value::String(text) if text.contains('\0') => Err("format"),
        Value::Number(number) if number.as_f64().is_some_and(|number| number.abs() > MAX_NUMBER) => {
            Err("range")
        }
        _ => Ok(()),
    }
}

impl TryFrom<Value> for Meta {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        Self::parse(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
    }

    #[test]
    fn size_depth_and_kind_are_bounded() {
        assert!(Meta::parse(json!({ "theme": "dark", "tags": ["a", 1, null] })).is_ok());
        assert_eq!(Meta::parse(json!([])), Err("type"));
        assert!(Meta::parse(nested(8)).is_ok());
        assert_eq!(Meta::parse(nested(9)), Err("too_deep"));
        assert!(Meta::parse(json!({ "a": "x".repeat(MAX_BYTES - 8) })).is_ok());
        assert_eq!(Meta::parse(json!({ "a": "x".repeat(MAX_BYTES - 7) })), Err("too_long"));
        assert_eq!(Meta::parse(json!({ "a": "x\0" })), Err("format"));
        assert_eq!(Meta::parse(json!({ "a\0": 1 })), Err("format"));
        assert!(Meta::parse(json!({ "a": [1e300, -1e300, 5e-324] })).is_ok());
        assert_eq!(Meta::parse(json!({ "a": [f64::MAX] })), Err("range"));
        assert_eq!(Meta::parse(json!({ "a": -f64::MAX })), Err("range"));
        // Postgres writes every digit.
        assert!(Meta::parse(json!({ "a": vec![1e300; 50] })).is_ok());
        assert_eq!(Meta::parse(json!({ "a": vec![1e300; 60] })), Err("too_long"));
        assert_eq!(Meta::parse(json!({ "a": vec![1e-300; 60] })), Err("too_long"));
    }
}
