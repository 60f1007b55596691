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

impl Body for Sample {
    const REQUIRED: &'static [&'static str] = &["email"];
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nested {
    #[expect(dead_code)]
    count: u8,
}

fn error(body: &[u8]) -> Error {
    read::<Sample>(Some("application/json"), body, &|_| Ok(())).expect_err("an error")
}

fn details(body: &str) -> Vec<(String, String)> {
    match error(body.as_bytes()) {
        Error::Validation(details) => {
            let pair = |detail: Detail| (detail.key, detail.reason.into_owned());
            details.into_iter().map(pair).collect()
        }
        other => panic!("{body}: {other:?}"),
    }
}

fn detail(body: &str) -> (String, String) {
    match &details(body)[..] {
        [one] => one.clone(),
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
fn all_faults_are_named_once_each() {
    for (body, expected) in [
        (r#"{"nested": 1, "x": 2}"#, "nested type, x unknown, email required"),
        (r#"{"x": 1, "email": 5, "y": 2}"#, "x unknown, email type, y unknown"),
        (
            r#"{"email": "a", "nested": {"count": "1", "z": 1}}"#,
            "email format, nested.count type, nested.z unknown",
        ),
        // A required field that is wrong is not missing as well, nor is the object around it.
        (r#"{"email": 1, "nested": {"x": 1}}"#, "email type, nested.x unknown, nested.count required"),
        (r#"{"email": 1, "x": 2, "email": 3, "x": 4}"#, "email type, x unknown, email duplicate"),
        (r#"{"email": "a@b.c", "my secret": 1, "<b>": 2}"#, "? unknown"),
    ] {
        let told: Vec<String> = details(body).iter().map(|(key, reason)| format!("{key} {reason}")).collect();
        assert_eq!(told.join(", "), expected, "{body}");
    }
    let many: Vec<String> = (0..100).map(|n| format!("\"x{n}\": 1")).collect();
    assert_eq!(details(&format!("{{{}}}", many.join(", "))).len(), 20);
    // What is no JSON behind a fault comes first: then nothing of the body can be trusted.
    assert!(matches!(error(br#"{"email": 5, "nested": }"#), Error::Malformed(_)));
    assert!(matches!(error(br#"{"email": 5} x"#), Error::Malformed(_)));
}

#[test]
fn of_a_long_body_only_the_first_fault_is_named() {
    // A reader of JSON makes about a hundred bytes of each byte of these.
    let objects = |length: usize| vec![r#"{"":0}"#; length / 7].join(",");
    let body = |length: usize| format!(r#"{{"x": [{}], "email": 5}}"#, objects(length));
    assert_eq!(details(&body(60_000)).len(), 2);
    assert_eq!(details(&body(1_000_000)), [("x".to_owned(), "unknown".to_owned())]);
    let cut = body(1_000_000).replace("5}", "5");
    assert!(matches!(error(cut.as_bytes()), Error::Malformed(_)));
}

#[test]
fn what_is_no_json_is_malformed() {
    let deep = format!(r#"{{"email": {}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let deep_unknown = format!("{}1{}", r#"{"nested":"#.repeat(10_000), "}".repeat(10_000));
    for body in
        ["", "{", "meow", "[", r#"{"email": "\ud800"}"#, r#"{"email": "a@b.c"} x"#, "{\"email\": \"\u{1}\"}"]
    {
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
    let body = |levels: usize| format!(r#"{{"x": {}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
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
    for kind in [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/json;charset=\"utf-8\"",
        "application/json; charset=utf8",
        "application/json; Charset = UTF8; v=1",
        "application/json; charset='utf_8'",
    ] {
        assert!(is_json(kind), "{kind}");
    }
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=latin1",
        "application/json; charset=utf-16",
        "application/json; charset=utf-80",
        "application/json; charset=",
    ] {
        assert!(!is_json(kind), "{kind}");
    }
}
