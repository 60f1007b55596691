//! A value for a statement, before its column determines the type.

use time::{Date, OffsetDateTime};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Uuid(Uuid),
    Date(Date),
    Timestamp(OffsetDateTime),
    Json(serde_json::Value),
    List(Vec<Value>),
    /// Texts in all their spellings, for a column that has a [`Spelling`](super::Spelling). `None` is null.
    Spelled(Option<Spelled>),
}

/// The forms of texts that are looked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spelled {
    /// One form of each text.
    pub exact: Vec<String>,
    /// All forms that a row without the exact one may have, the exact ones among them.
    pub any: Vec<String>,
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    bool => Bool,
    i16 => Int,
    i32 => Int,
    i64 => Int,
    u32 => Int,
    f32 => Float,
    f64 => Float,
    &str => Text,
    String => Text,
    Uuid => Uuid,
    Date => Date,
    OffsetDateTime => Timestamp,
    serde_json::Value => Json,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
