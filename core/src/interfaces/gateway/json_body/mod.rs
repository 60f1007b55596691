//! Reads a typed body from bytes. An error names the fields to change and never quotes a value.
//!
//! A body type derives `Deserialize` with `deny_unknown_fields`, and implements [`Body`]. Its fields are value
//! objects. The error of their `TryFrom<String>` is the reason in one word.

mod faults;
mod valid_fields;

use serde::de::DeserializeOwned;

use crate::domain::{
    Error, Part, Result,
    users::{ProfileChange, UserChange},
};
use valid_fields::Rules;

pub use valid_fields::ValidFields;

/// A body that a handler reads.
pub trait Body: DeserializeOwned {
    /// The required fields. Serde names only the first missing field. The OpenAPI document has the same list,
    /// and a test compares them.
    const REQUIRED: &'static [&'static str];
}

/// Any object, for a handler that checks the fields itself.
impl Body for serde_json::Value {
    const REQUIRED: &'static [&'static str] = &[];
}

impl Body for ProfileChange {
    const REQUIRED: &'static [&'static str] = &[];
}

impl Body for UserChange {
    const REQUIRED: &'static [&'static str] = &[];
}

pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The maximum depth of nested objects and arrays. The body itself counts as the first level.
pub const MAX_BODY_LEVELS: usize = 32;

pub(super) fn read<T: Body>(content_type: Option<&str>, bytes: &[u8], rules: Rules<'_>) -> Result<T> {
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Error::TooLarge { part: Part::BodyBytes, limit: MAX_BODY_BYTES });
    }
    if !content_type.is_some_and(is_json) {
        return Err(Error::UnsupportedFormat);
    }
    parse_by(bytes, T::REQUIRED, rules)
}

/// Reads one object with nothing after it.
///
/// # Errors
/// `Malformed`, or `Validation` with all faults of the fields.
pub(in crate::interfaces) fn parse<T: DeserializeOwned>(bytes: &[u8], required: &[&str]) -> Result<T> {
    parse_by(bytes, required, &|_| Ok(()))
}

fn parse_by<T: DeserializeOwned>(bytes: &[u8], required: &[&str], rules: Rules<'_>) -> Result<T> {
    if levels(bytes) > MAX_BODY_LEVELS {
        return Err(Error::Malformed(
            format!("the body must not have more than {MAX_BODY_LEVELS} levels of objects and arrays").into(),
        ));
    }
    if is_damaged(bytes) {
        return Err(Error::Malformed("the body must be encoded as UTF-8".into()));
    }
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        // Serde would accept an array as a struct, field by field.
        return Err(match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Error::invalid("body", "type"),
            Err(_) => Error::Malformed("the body must be a JSON object".into()),
        });
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(Error::Malformed("the body must be one JSON object with nothing after it".into())),
        },
        Err(first) => Err(faults::all::<T>(bytes, required, rules, &first)),
    }
}

/// U+FFFD in UTF-8. API Gateway replaces each byte of a body that is not UTF-8 with it.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Whether API Gateway may have replaced bytes of the body. A client can send the character itself as the
/// escape `\ufffd`.
pub(in crate::interfaces) fn is_damaged(bytes: &[u8]) -> bool {
    bytes.windows(REPLACEMENT.len()).any(|window| window == REPLACEMENT)
}

/// Returns the depth of nested brackets. It is checked before parsing, because a recursive reader of the value
/// would overflow its stack at some depth.
fn levels(bytes: &[u8]) -> usize {
    let (mut level, mut deepest) = (0usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' if !quoted => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether it is `application/json`, without a charset or with UTF-8, the only encoding of JSON.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => is_utf_8(value.trim()),
            _ => true,
        })
}

/// Whether this names UTF-8, for example `utf-8`, `UTF8`, `"utf-8"` or `utf_8`.
fn is_utf_8(charset: &str) -> bool {
    let letters = charset.bytes().filter(|byte| !b"\"'-_".contains(byte));
    letters.map(|byte| byte.to_ascii_lowercase()).eq(*b"utf8")
}

#[cfg(test)]
mod tests;
