//! Converts a value to a parameter of its column's type. It refuses conversions that could change the
//! meaning: a bool is not an integer, and 2^31 does not fit an `int4`.

use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};
use tokio_postgres::types::{Json as JsonText, ToSql};
use uuid::Uuid;

use super::{ColumnType, Value};
use crate::infrastructure::db::{Owned, SqlType};

pub const MAX_TEXT_CHARS: usize = 5_000;
pub const MAX_LIST_ITEMS: usize = 500;
/// Postgres's calendar begins in 4713 BC; ours would go back further.
const MIN_YEAR: i32 = -4712;

/// Why a value does not fit, as a word: `type`, `range`, `too_long`, `format`, `null`.
pub(in crate::infrastructure) type Misfit = &'static str;

/// Converts one value, or null.
pub(in crate::infrastructure) fn one(column_type: ColumnType, value: &Value) -> Result<Owned, Misfit> {
    Ok(match column_type {
        ColumnType::Bool => Box::new(optional(value, boolean)?),
        ColumnType::Int2 => Box::new(optional(value, integer::<i16>)?),
        ColumnType::Int4 => Box::new(optional(value, integer::<i32>)?),
        ColumnType::Int8 => Box::new(optional(value, integer::<i64>)?),
        ColumnType::Float8 => Box::new(optional(value, float)?),
        ColumnType::Text => Box::new(optional(value, text)?),
        ColumnType::Uuid => Box::new(optional(value, uuid)?),
        ColumnType::Date => Box::new(optional(value, date)?),
        ColumnType::Timestamptz => Box::new(optional(value, timestamp)?),
        ColumnType::Jsonb => Box::new(optional(value, json)?),
    })
}

/// Converts the values of a column, nulls included, to one array.
pub(in crate::infrastructure) fn column<'v>(
    column_type: ColumnType,
    values: impl Iterator<Item = &'v Value>,
) -> Result<Owned, Misfit> {
    fn collect<'v, T>(
        values: impl Iterator<Item = &'v Value>,
        read: fn(&Value) -> Result<T, Misfit>,
    ) -> Result<Owned, Misfit>
    where
        T: SqlType + ToSql + Sync + Send + 'static,
    {
        let values: Vec<Option<T>> = values.map(|value| optional(value, read)).collect::<Result<_, _>>()?;
        Ok(Box::new(values))
    }
    match column_type {
        ColumnType::Bool => collect(values, boolean),
        ColumnType::Int2 => collect(values, integer::<i16>),
        ColumnType::Int4 => collect(values, integer::<i32>),
        ColumnType::Int8 => collect(values, integer::<i64>),
        ColumnType::Float8 => collect(values, float),
        ColumnType::Text => collect(values, text),
        ColumnType::Uuid => collect(values, uuid),
        ColumnType::Date => collect(values, date),
        ColumnType::Timestamptz => collect(values, timestamp),
        ColumnType::Jsonb => collect(values, json),
    }
}

/// The items of a list lookup: without null, which `in` could never find.
pub(super) fn list(value: &Value) -> Result<&[Value], Misfit> {
    match value {
        Value::List(items) if items.contains(&Value::Null) => Err("null"),
        Value::List(items) => Ok(items),
        _ => Err("type"),
    }
}

fn optional<T>(value: &Value, read: fn(&Value) -> Result<T, Misfit>) -> Result<Option<T>, Misfit> {
    if *value == Value::Null { Ok(None) } else { read(value).map(Some) }
}

pub(super) fn boolean(value: &Value) -> Result<bool, Misfit> {
    if let Value::Bool(value) = value { Ok(*value) } else { Err("type") }
}

fn integer<T: TryFrom<i64>>(value: &Value) -> Result<T, Misfit> {
    if let Value::Int(value) = value { T::try_from(*value).map_err(|_| "range") } else { Err("type") }
}

fn float(value: &Value) -> Result<f64, Misfit> {
    match value {
        Value::Float(value) if value.is_finite() => Ok(*value),
        Value::Float(_) => Err("range"),
        // Up to 2^53 every integer is a float, too.
        Value::Int(value) if value.unsigned_abs() <= 1 << 53 => Ok(*value as f64),
        Value::Int(_) => Err("range"),
        _ => Err("type"),
    }
}

pub(super) fn text(value: &Value) -> Result<String, Misfit> {
    match value {
        Value::Text(text) => checked(text).map(str::to_owned),
        _ => Err("type"),
    }
}

/// Checks that a text has no NUL, which Postgres cannot store.
pub(super) fn checked(text: &str) -> Result<&str, Misfit> {
    if text.contains('\0') { Err("format") } else { Ok(text) }
}

/// Checks the size of a filter's value, because filters may come from anyone. The table limits written
/// values.
pub(super) fn bounded(value: &Value) -> Result<(), Misfit> {
    match value {
        // Bytes first: they are an upper bound that costs nothing.
        Value::Text(text) if text.len() > MAX_TEXT_CHARS && text.chars().count() > MAX_TEXT_CHARS => {
            Err("too_long")
        }
        Value::List(items) if items.len() > MAX_LIST_ITEMS => Err("too_long"),
        Value::List(items) => items.iter().try_for_each(bounded),
        Value::Spelled(Some(forms)) if forms.exact.len() > MAX_LIST_ITEMS => Err("too_long"),
        Value::Spelled(Some(forms))
            if forms.exact.iter().any(|text| text.chars().count() > MAX_TEXT_CHARS) =>
        {
            Err("too_long")
        }
        Value::Json(Json::String(text)) if text.chars().count() > MAX_TEXT_CHARS => Err("too_long"),
        Value::Json(json) if json.is_string() || json.is_object() || json.is_array() => {
            if json.to_string().len() > MAX_TEXT_CHARS * 4 { Err("too_long") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn uuid(value: &Value) -> Result<Uuid, Misfit> {
    match value {
        Value::Uuid(uuid) => Ok(*uuid),
        Value::Text(text) => Uuid::try_parse(text).map_err(|_| "format"),
        _ => Err("type"),
    }
}

fn date(value: &Value) -> Result<Date, Misfit> {
    let date = match value {
        Value::Date(date) => *date,
        Value::Text(text) if text.starts_with(|c: char| c.is_ascii_digit()) => signed_date(text)?,
        Value::Text(_) => return Err("format"),
        _ => return Err("type"),
    };
    if date.year() < MIN_YEAR { Err("range") } else { Ok(date) }
}

/// Reads a date whose year may have a sign, as the library writes and reads it.
pub(super) fn signed_date(text: &str) -> Result<Date, Misfit> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "format")
}

fn timestamp(value: &Value) -> Result<OffsetDateTime, Misfit> {
    let time = match value {
        Value::Timestamp(time) => *time,
        // The library takes any character between date and time.
        Value::Text(text) if matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' ')) => {
            OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "format")?
        }
        Value::Text(_) => return Err("format"),
        _ => return Err("type"),
    };
    let utc = time.checked_to_utc().ok_or("range")?;
    if utc.year() < MIN_YEAR { Err("range") } else { Ok(utc.into()) }
}

/// Any value as JSON, written down already: a copy of the tree would cost more than its text. What
/// Postgres's jsonb cannot hold (NUL in a string) is refused.
pub(super) fn json(value: &Value) -> Result<JsonText<Box<RawValue>>, Misfit> {
    let text = match value {
        Value::Json(json) if has_nul(json) => return Err("format"),
        Value::Text(text) if text.contains('\0') => return Err("format"),
        Value::Float(value) if !value.is_finite() => return Err("range"),
        Value::Json(json) => to_raw_value(json),
        Value::Bool(value) => to_raw_value(value),
        Value::Int(value) => to_raw_value(value),
        Value::Float(value) => to_raw_value(value),
        Value::Text(text) => to_raw_value(text),
        Value::Null
        | Value::Uuid(_)
        | Value::Date(_)
        | Value::Timestamp(_)
        | Value::List(_)
        | Value::Spelled(_) => return Err("type"),
    };
    text.map(JsonText).map_err(|_| "type")
}

fn has_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}
