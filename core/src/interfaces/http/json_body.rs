//! From bytes to a typed body, with an error that says what to change and quotes nothing.
//!
//! A body type derives `Deserialize` with `deny_unknown_fields`; its fields are value objects
//! whose `TryFrom<String>` error is the reason as a word.

use serde::de::DeserializeOwned;

use crate::domain::{Error, Part, Result};

pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Objects and arrays inside of each other, the body itself included.
pub const MAX_BODY_LEVELS: usize = 32;

pub(super) fn read<T: DeserializeOwned>(content_type: Option<&str>, bytes: &[u8]) -> Result<T> {
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Error::TooLarge { part: Part::BodyBytes, limit: MAX_BODY_BYTES });
    }
    if !content_type.is_some_and(is_json) {
        return Err(Error::UnsupportedFormat);
    }
    parse(bytes)
}

/// An object and nothing else.
pub(in crate::interfaces) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
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
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| explain(&error))?;
    json.end().map_err(|_| Error::Malformed("the body is not JSON: something follows the object".into()))?;
    Ok(value)
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

/// `application/json`, with or without `charset=utf-8`, which is the only one JSON has.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            !parameter.to_ascii_lowercase().starts_with("charset=")
                || parameter[8..].trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let inner = error.inner();
    if inner.classify() != serde_json::error::Category::Data {
        return Error::Malformed(
            format!("the body is not JSON we can read, at line {} column {}", inner.line(), inner.column())
                .into(),
        );
    }
    let path = error.path().to_string();
    let text = inner.to_string();
    // The texts are those of serde's own `de::Error` methods. They can quote a submitted value, so
    // only a reason of ours leaves here; the tests below hold each of them.
    let quoted = |prefix: &str| Some(text.strip_prefix(prefix)?.split_once('`')?.0.to_owned());
    if let Some(field) = quoted("missing field `") {
        return Error::invalid(join(&path, &field), "required");
    }
    if text.starts_with("unknown field `") {
        return Error::invalid(shown(&path), "unknown");
    }
    if let Some(field) = quoted("duplicate field `") {
        return Error::invalid(join(&path, &field), "duplicate");
    }
    if text.starts_with("invalid type")
        || text.starts_with("invalid value")
        || text.starts_with("unknown variant")
    {
        return Error::invalid(path, "type");
    }
    // What is left is a value object's own word, with serde_json's position behind it.
    let word = text.split(" at line ").next().unwrap_or_default();
    let is_word =
        !word.is_empty() && word.len() <= 32 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    Error::invalid(path, if is_word { word.to_owned() } else { "invalid".to_owned() })
}

/// An unknown key is the client's own text and may be anything, a pasted password too.
pub(super) fn shown(path: &str) -> String {
    let harmless =
        path.len() <= 64 && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b));
    if harmless { path.to_owned() } else { "?".to_owned() }
}

/// A missing field is reported at its parent.
fn join(path: &str, field: &str) -> String {
    if path == "." || path == field { field.to_owned() } else { format!("{path}.{field}") }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::{Detail, users::Email};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code)]
        email: Email,
        #[serde(default)]
        #[expect(dead_code)]
        nested: Option<Nested>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nested {
        #[expect(dead_code)]
        count: u8,
    }

    fn error(body: &[u8]) -> Error {
        read::<Sample>(Some("application/json"), body).expect_err("an error")
    }

    fn detail(body: &str) -> (String, String) {
        match error(body.as_bytes()) {
            Error::Validation(details) => match &details[..] {
                [Detail { key, reason }] => (key.clone(), reason.clone().into_owned()),
                other => panic!("{body}: {other:?}"),
            },
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn each_fault_names_its_key_and_reason() {
        for (body, key, reason) in [
            ("{}", "email", "required"),
            (r#"{"email": 5}"#, "email", "type"),
            (r#"{"email": null}"#, "email", "type"),
            (r#"{"email": "secret"}"#, "email", "format"),
            (r#"{"email": "a@b.c", "email": "a@b.c"}"#, "email", "duplicate"),
            (r#"{"email": "a@b.c", "is_active": true}"#, "is_active", "unknown"),
            (r#"{"email": "a@b.c", "nested": {}}"#, "nested.count", "required"),
            (r#"{"email": "a@b.c", "nested": {"count": 256}}"#, "nested.count", "type"),
            (r#"{"email": "a@b.c", "nested": {"count": 1, "x": 1}}"#, "nested.x", "unknown"),
            ("[]", "body", "type"),
            (r#""text""#, "body", "type"),
        ] {
            assert_eq!(detail(body), (key.into(), reason.into()), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let deep = format!(r#"{{"email": {}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let deep_unknown = format!("{}1{}", r#"{"nested":"#.repeat(10_000), "}".repeat(10_000));
        for body in [
            "",
            "{",
            "meow",
            "[",
            r#"{"email": "\ud800"}"#,
            r#"{"email": "a@b.c"} x"#,
            "{\"email\": \"\u{1}\"}",
        ] {
            assert!(matches!(error(body.as_bytes()), Error::Malformed(_)), "{body}");
        }
        assert!(matches!(error(b"{\"email\": \"\xff\"}"), Error::Malformed(_)));
        // What the gateway makes of it. The escape is the client's own.
        assert!(matches!(error("{\"email\": \"a@b.c\u{fffd}\"}".as_bytes()), Error::Malformed(_)));
        assert!(matches!(error(br#"{"email": "a@b.c\ufffd"}"#), Error::Validation(_)));
        for body in [deep, deep_unknown] {
            assert!(matches!(error(body.as_bytes()), Error::Malformed(_)));
        }
    }

    #[test]
    fn a_body_may_have_32_levels_and_not_one_more() {
        // The object itself is one of them.
        let body =
            |levels: usize| format!(r#"{{"x": {}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(matches!(error(body(MAX_BODY_LEVELS).as_bytes()), Error::Validation(_)));
        assert!(matches!(error(body(MAX_BODY_LEVELS + 1).as_bytes()), Error::Malformed(_)));
        for (bytes, expected) in [
            ("{}", 1),
            (r#"{"a": [1, {"b": []}], "c": [[]]}"#, 4),
            // In a string they are text, whatever is escaped in it.
            (r#"{"a": "[[[", "b": "\"[[[", "c": "\\", "d": [1]}"#, 2),
            ("]]]}}}", 0),
            ("", 0),
        ] {
            assert_eq!(levels(bytes.as_bytes()), expected, "{bytes}");
        }
    }

    #[test]
    fn an_unknown_key_that_looks_like_no_key_is_not_repeated() {
        for key in ["x".repeat(65), "my secret".into(), "se\u{7}cret".into()] {
            assert_eq!(
                detail(&format!(r#"{{"email": "a@b.c", {}: 1}}"#, serde_json::json!(key))).0,
                "?",
                "{key}"
            );
        }
    }

    #[test]
    fn no_error_quotes_what_was_sent() {
        for body in [
            r#"{"email": "secret"}"#,
            r#"{"email": ["secret"]}"#,
            r#"{"email": "a@b.c", "nested": "secret"}"#,
            r#"{"email": secret}"#,
        ] {
            assert!(!error(body.as_bytes()).to_string().contains("secret"), "{body}");
        }
    }

    #[test]
    fn a_body_may_have_a_mebibyte_and_not_one_byte_more() {
        let body = |length: usize| format!("{{\"email\": \"{}\"}}", "x".repeat(length - 13));
        assert!(matches!(error(body(MAX_BODY_BYTES).as_bytes()), Error::Validation(_)));
        assert!(matches!(error(body(MAX_BODY_BYTES + 1).as_bytes()), Error::TooLarge { .. }));
    }

    #[test]
    fn only_json_is_read() {
        for kind in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert!(is_json(kind), "{kind}");
        }
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "application/json; charset=latin1",
        ] {
            assert!(!is_json(kind), "{kind}");
        }
    }
}
