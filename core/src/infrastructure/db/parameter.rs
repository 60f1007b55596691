//! Gives each Rust type its Postgres type.

use time::{Date, OffsetDateTime};
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

/// Names the one Postgres type that a Rust type is written as.
///
/// A repository writes `&[&user, &now]`. The types go to Postgres with the text: that saves the round
/// trip that asks for them, and the same call runs prepared or unnamed.
pub trait SqlType {
    const TYPE: Type;
    /// The type of a list of such values.
    const ARRAY: Type;
}

macro_rules! sql_types {
    ($($rust:ty => $sql:ident, $array:ident;)*) => {
        $(impl SqlType for $rust {
            const TYPE: Type = Type::$sql;
            const ARRAY: Type = Type::$array;
        })*
    };
}

sql_types! {
    bool => BOOL, BOOL_ARRAY;
    i16 => INT2, INT2_ARRAY;
    i32 => INT4, INT4_ARRAY;
    i64 => INT8, INT8_ARRAY;
    f64 => FLOAT8, FLOAT8_ARRAY;
    str => TEXT, TEXT_ARRAY;
    String => TEXT, TEXT_ARRAY;
    [u8] => BYTEA, BYTEA_ARRAY;
    Vec<u8> => BYTEA, BYTEA_ARRAY;
    Uuid => UUID, UUID_ARRAY;
    Date => DATE, DATE_ARRAY;
    OffsetDateTime => TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    serde_json::Value => JSONB, JSONB_ARRAY;
}

impl<T> SqlType for Json<T> {
    const TYPE: Type = Type::JSONB;
    const ARRAY: Type = Type::JSONB_ARRAY;
}

impl<T: SqlType + ?Sized> SqlType for &T {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

/// `None` is null.
impl<T: SqlType> SqlType for Option<T> {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

/// To Postgres, an array of arrays has the type of the array.
impl<T: SqlType> SqlType for Vec<T> {
    const TYPE: Type = T::ARRAY;
    const ARRAY: Type = T::ARRAY;
}

impl<T: SqlType> SqlType for [T] {
    const TYPE: Type = T::ARRAY;
    const ARRAY: Type = T::ARRAY;
}

/// A value of a statement, which knows its Postgres type.
pub trait Parameter: ToSql + Sync {
    fn sql_type(&self) -> Type;
}

impl<T: SqlType + ToSql + Sync> Parameter for T {
    fn sql_type(&self) -> Type {
        T::TYPE
    }
}
