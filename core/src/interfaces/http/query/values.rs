//! Reads the values of filters from a query string.
//!
//! Booleans are `true` and `false`, null is `null`. The items of a list are separated by commas. A comma or a
//! percent sign inside an item is percent-encoded twice. Scalars inside JSON are written as in JSON.

use crate::{
    domain::{Error, Result},
    infrastructure::query::{Column, ColumnType, MAX_TEXT_CHARS, Op, Spelled, Value},
};

/// Returns the exact form of a text, and all forms that a row without an exact form may have.
pub type Spell = fn(&str) -> (String, Vec<String>);

/// Reads the value of one filter.
///
/// # Errors
/// `Validation` naming the key.
pub(super) fn read(key: &str, text: &str, column: &Column, inside_json: bool, op: Op) -> Result<Value> {
    let kind = column.column_type();
    // A column that is never null cannot be compared with null.
    let takes_null = column.is_nullable() || inside_json;
    Ok(match op {
        Op::IsNull => Value::Bool(boolean(key, text)?),
        Op::Like | Op::Ilike | Op::JsonbLike | Op::JsonbNotLike => Value::Text(text.to_owned()),
        Op::NotLikeAll => list(key, text, |item| Ok(Value::Text(item.to_owned())))?,
        Op::In | Op::NotIn => list(key, text, |item| scalar(key, kind, inside_json, item))?,
        _ if text == "null" && takes_null => Value::Null,
        _ => scalar(key, kind, inside_json, text)?,
    })
}

/// Returns all spellings of a text, or of the texts of a list. Any other value is refused when the filter is
/// used.
pub(super) fn spelled(value: Value, spell: Spell) -> Value {
    let texts = match &value {
        Value::Null => return Value::Spelled(None),
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut forms = Spelled::default();
    for text in texts {
        let Value::Text(text) = text else { return value };
        // A text that is too long is refused, too.
        let (exact, any) = if text.len() > MAX_TEXT_CHARS { (text.clone(), Vec::new()) } else { spell(text) };
        forms.exact.push(exact);
        forms.any.extend(any);
    }
    Value::Spelled(Some(forms))
}

/// Reads a list. An empty text is an empty list. Items are decoded a second time, for commas inside them.
fn list(key: &str, text: &str, item: impl Fn(&str) -> Result<Value>) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::List(Vec::new()));
    }
    let items = text.split(',').map(|part| match part {
        // The filter refuses it later, because a list cannot contain null.
        "null" => Ok(Value::Null),
        part => item(&decoded(key, part)?),
    });
    items.collect::<Result<_>>().map(Value::List)
}

/// Reads a text as a value of its column's type. Inside JSON, a text that is not a JSON scalar is a string.
fn scalar(key: &str, kind: ColumnType, inside_json: bool, text: &str) -> Result<Value> {
    Ok(match kind {
        ColumnType::Bool => Value::Bool(boolean(key, text)?),
        ColumnType::Int2 | ColumnType::Int4 | ColumnType::Int8 => Value::Int(number(key, text)?),
        ColumnType::Float8 => Value::Float(float(key, text)?),
        ColumnType::Timestamptz => Value::Text(with_plus(text)),
        ColumnType::Text | ColumnType::Uuid | ColumnType::Date => Value::Text(text.to_owned()),
        ColumnType::Jsonb => match serde_json::from_str(text) {
            Ok(json) if !inside_json || is_scalar(&json) => Value::Json(json),
            _ if inside_json => Value::Text(text.to_owned()),
            _ => return Err(Error::invalid(key, "format")),
        },
    })
}

fn is_scalar(json: &serde_json::Value) -> bool {
    !matches!(json, serde_json::Value::Object(_) | serde_json::Value::Array(_))
}

/// Returns `…+01:00` for `… 01:00`. A plus sign that was not percent-encoded arrives as a space. A minus sign
/// stays a minus sign, so a space can only have been a plus sign.
fn with_plus(text: &str) -> String {
    match text.len().checked_sub("+01:00".len()).and_then(|at| text.split_at_checked(at)) {
        Some((time, offset)) if offset.starts_with(' ') => format!("{time}+{}", &offset[1..]),
        _ => text.to_owned(),
    }
}

pub(super) fn boolean(key: &str, text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid(key, "type")),
    }
}

/// Reads digits with or without a minus sign. A plus sign is refused, because unencoded it is a space.
pub(super) fn number(key: &str, text: &str) -> Result<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid(key, "type"));
    }
    text.parse().map_err(|_| Error::invalid(key, "range"))
}

fn float(key: &str, text: &str) -> Result<f64> {
    let number = text.parse().ok().filter(|_| !text.starts_with('+'));
    number.ok_or_else(|| Error::invalid(key, "type"))
}

fn decoded(key: &str, text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let digits = digits.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let decoded = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(decoded.ok_or_else(|| Error::invalid(key, "format"))?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid(key, "format"))
}
