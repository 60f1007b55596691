//! From bytes to a typed body, with an error that says what to change and quotes nothing.
//!
//! A body type derives `Deserialize` with `deny_unknown_fields`, and implements [`Body`]. Its fields
//! are value objects; the error of their `TryFrom<String>` is the reason as a word.

mod faults;

use serde::de::DeserializeOwned;

use crate::domain::{Error, Part, Result};

/// A body that a handler reads.
pub trait Body: DeserializeOwned {
    /// The fields that must be sent. Serde names only the first one that is missing. The OpenAPI
    /// document has the same list, and a test compares the two.
    const REQUIRED: &'static [&'static str];
}

/// Any object, for a handler that looks at it itself.
impl Body for serde_json::Value {
    const REQUIRED: &'static [&'static str] = &[];
}

pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Objects and arrays inside of each other, the body itself included.
pub const MAX_BODY_LEVELS: usize = 32;

pub(super) fn read<T: Body>(content_type: Option<&str>, bytes: &[u8]) -> Result<T> {
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Error::TooLarge { part: Part::BodyBytes, limit: MAX_BODY_BYTES });
    }
    if !content_type.is_some_and(is_json) {
        return Err(Error::UnsupportedFormat);
    }
    parse(bytes, T::REQUIRED)
}

/// Reads an object and nothing else.
///
/// # Errors
/// `Malformed`, or `Validation` with all that is wrong with the fields.
pub(in crate::interfaces) fn parse<T: DeserializeOwned>(bytes: &[u8], required: &[&str]) -> Result<T> {
    if levels(bytes) > MAX_BODY_LEVELS {
        return Err(Error::Malformed(
            format!("the body may have {MAX_BODY_LEVELS} levels of objects and arrays at most").into(),
        ));
    }
    if is_damaged(bytes) {
        return Err(Error::Malformed("the body is not UTF-8".into()));
    }
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        // Serde would read an array into a struct, field by field.
        return Err(match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Error::invalid("body", "type"),
            Err(_) => Error::Malformed("the body is not JSON".into()),
        });
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(Error::Malformed("the body is not JSON: something follows the object".into())),
        },
        Err(first) => Err(faults::all::<T>(bytes, required, &first)),
    }
}

/// U+FFFD as UTF-8. API Gateway writes it for each byte of a body that is not UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Whether API Gateway may have replaced bytes of the body. A client that means the character writes
/// its escape, `\ufffd`.
pub(in crate::interfaces) fn is_damaged(bytes: &[u8]) -> bool {
    bytes.windows(REPLACEMENT.len()).any(|window| window == REPLACEMENT)
}

/// How deep the brackets go, looked at before anything is built of them: a reader that calls itself
/// for each level, ours or one that gets the value later, runs out of stack at some depth.
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

/// `application/json`, with or without a charset. JSON has only UTF-8, which is written in many ways.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => is_utf_8(value.trim()),
            _ => true,
        })
}

/// Whether this names UTF-8: `utf-8`, `UTF8`, `"utf-8"`, `utf_8`.
fn is_utf_8(charset: &str) -> bool {
    let letters = charset.bytes().filter(|byte| !b"\"'-_".contains(byte));
    letters.map(|byte| byte.to_ascii_lowercase()).eq(*b"utf8")
}

#[cfg(test)]
mod tests;
