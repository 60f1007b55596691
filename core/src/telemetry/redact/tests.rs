use serde_json::{Value, json};

use super::{
    secrets::{NAMES, STARTS, redact},
    shorten::{LONGEST, shorten},
    *,
};

#[test]
fn what_looks_like_a_secret_is_blotted_out() {
    for (line, clean) in [
        ("got eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoxfQ.c2ln, no", "got ***, no"),
        ("Authorization: Bearer abcdefgh.ij", "Authorization: Bearer ***"),
        ("hash $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA end", "hash *** end"),
        ("$2b$12$abcdefghijklmnopqrstuu", "***"),
        ("to postgres://app:hun:ter@2@db:5432/app", "to postgres://app:***@db:5432/app"),
        (r#"{"email":"a","password":"hun\"ter2","x":1}"#, r#"{"email":"a","password":"***","x":1}"#),
        (r#"{"password":"hunter2\\","x":"y"}"#, r#"{"password":"***","x":"y"}"#),
        (
            r#"{"message":"{\"password\":\"hunter2\\\\\",\"x\":\"y\"}"}"#,
            r#"{"message":"{\"password\":\"***\",\"x\":\"y\"}"}"#,
        ),
        (
            r#"{"message":"body {\"password\": \"hunter2\"} end"}"#,
            r#"{"message":"body {\"password\": \"***\"} end"}"#,
        ),
        ("password=hunter2 tries=3", "password=*** tries=3"),
        (r#"{"Refresh":"abc"}"#, r#"{"Refresh":"***"}"#),
        (r#"Change { current: "hunter2", n: 1 }"#, r#"Change { current: "***", n: 1 }"#),
        (r#"{"message":"C { new: Some(\"hun\\\"ter2\") }"}"#, r#"{"message":"C { new: Some(\"***\") }"}"#),
        (r#"Object {"token": String("abc"), "x": 1}"#, r#"Object {"token": String("***"), "x": 1}"#),
        (r#"secret_key: Secret(Some("abc")), x"#, r#"secret_key: Secret(Some("***")), x"#),
        (r#"signing="abc" secret=abc end"#, r#"signing="***" secret=*** end"#),
    ] {
        assert_eq!(redact(line), clean);
    }
}

#[test]
fn what_is_none_stays_as_it_is() {
    for line in [
        r#"{"timestamp":"2026-01-05T10:11:12Z","message":"request refused","renew":"x","status":409}"#,
        "wrong current password: refused",
        "the password was changed; ü 🦀",
        "http://127.0.0.1:5440/a@b",
        "eyJ short",
        "",
        "password",
        r#""password"#,
        r#""password":"#,
        "password\\",
        "token: Some(7), secret: None, signing: k1",
        "secret:",
        "password: Some(",
        r#"{"message":"wrong, it is new:","level":"INFO"}"#,
        r#"{"message":"new=","level":"INFO"}"#,
        r#"{"message":"new: Some(","level":"INFO"}"#,
        r#"{"message":"the new","secret":7,"level":"INFO"}"#,
    ] {
        assert_eq!(redact(line), line);
    }
}

#[test]
fn long_texts_are_cut_and_the_line_stays_json() {
    for text in ["x".repeat(500_000), "\u{1}\"\\".repeat(100_000), "🦀é".repeat(100_000)] {
        let line = json!({ "event": text, "level": "INFO", "n": { "other": text } }).to_string();
        let short = shorten(&line);
        let read: Value = serde_json::from_str(&short).expect("JSON");
        assert!(short.len() < 3 * LONGEST, "{}", short.len());
        assert_eq!(read["level"], "INFO");
        let (event, other) = (read["event"].as_str(), read["n"]["other"].as_str());
        assert_eq!(event, other);
        let kept = event.and_then(|event| event.strip_suffix('…')).expect("a mark where it was cut");
        assert!(text.starts_with(kept), "{}", &kept[kept.len().saturating_sub(20)..]);
    }
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(LONGEST));
    assert_eq!(shorten(&long), long);
}

#[test]
fn a_secret_across_the_cut_shows_no_part() {
    let secrets = [
        "postgres://app:hunter2hunter2@db/app",
        "see eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoxfQ.c2ln",
        "Bearer hunter2hunter2",
        "apk_hunter2hunter2",
        "\u{1a}apk_hunter2hunter2",
        "postgres:\\/\\/app:hunter2hunter2@db",
        r#"{"password": "hunter2hunter2"}"#,
    ];
    for secret in secrets {
        for before in LONGEST - 60..=LONGEST {
            let text = format!("{}{secret} {}", ".".repeat(before), ".".repeat(LONGEST));
            let mut written = Vec::new();
            let line = json!({ "message": text, "level": "INFO" }).to_string();
            Line(&mut written).write_all(line.as_bytes()).expect("written");
            let read: Value = serde_json::from_slice(&written).expect("JSON");
            let message = read["message"].as_str().expect("a text");
            assert!(!message.contains("hunt") && !message.contains("eyJh"), "{before}: {message}");
            assert!(message.len() > LONGEST - 80, "what stands before it is kept");
        }
    }
}

#[test]
fn a_string_that_does_not_end_is_hidden_to_its_end() {
    assert_eq!(redact(r#""password":"hunter2"#), r#""password":"***"#);
    assert_eq!(redact(r#"{\"password\":\"hunter2"#), r#"{\"password\":\"***"#);
}

/// Texts that hold the secret `hunter2hunter2`, of each kind that is known.
const SECRETS: [&str; 16] = [
    "eyJhunter2hunter2",
    "Bearer hunter2hunter2",
    "$argon2id$hunter2hunter2",
    "$2b$12$hunter2hunter2",
    "apk_hunter2hunter2",
    "postgres://app:hunter2hunter2@db/app",
    "postgres:\\/\\/app:hunter2hunter2@db/app",
    "password=hunter2hunter2",
    "Secret_Key=hunter2hunter2",
    "token = \"hunter2hunter2\"",
    "{\"refresh\":\"hunter2hunter2\"}",
    "{\n  \"access\"\n  :\n  \"hunter2hunter2\"\n}",
    "current: \"hunter2hunter2\"",
    "new: Some(\n    \"hunter2hunter2\",\n)",
    "secret: Secret(\r\n\tSome(\r\n\t\t\"hunter2hunter2\"))",
    "hmac_key=Some(\"hunter2hunter2\")",
];

/// The text as a string of JSON, in a string of JSON, and so on.
fn nested(text: &str, levels: usize) -> String {
    (0..levels).fold(text.to_owned(), |text, _| Value::String(text).to_string())
}

/// Asserts that the line of a text shows no part of the secret and is JSON.
fn shows_nothing(text: &str) {
    for levels in 0..3 {
        let line = json!({ "message": nested(text, levels), "level": "INFO" }).to_string();
        let clean = redact(&line);
        assert!(!clean.contains("hunt"), "{levels}: {line}\n{clean}");
        let read: Value = serde_json::from_str(&clean).unwrap_or_else(|_| panic!("{line}\n{clean}"));
        assert_eq!(read["level"], "INFO", "{line}");
    }
}

/// All that JSON writes as an escape, and what stands behind backslashes without being one.
fn escaped() -> impl Iterator<Item = String> {
    let control = (0..=0x20).chain([0x7f]).filter_map(char::from_u32);
    control.chain(['"', '\\', '/']).map(String::from).chain(["\\n", "\\u001a", "\\/"].map(String::from))
}

#[test]
fn no_escape_before_a_secret_hides_it_from_the_search() {
    for secret in SECRETS {
        for before in escaped() {
            shows_nothing(&format!("{before}{secret}"));
            shows_nothing(&format!("word{before}{secret}{before}word"));
        }
    }
}

#[test]
fn an_escape_inside_a_value_does_not_end_it() {
    for value in ["\u{7f}hunter2", "\u{1}hunter2", "a\\hunter2", "\u{8}hunter2", "a\u{c}hunter2"] {
        let line = json!({ "message": format!("password={value} x=1") }).to_string();
        assert_eq!(redact(&line), r#"{"message":"password=*** x=1"}"#);
    }
}

/// Returns numbers below a bound that look random. They are the same in each run.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    }
}

/// Random texts of pieces that matter to the search, each with a secret in it.
#[test]
fn no_text_around_a_secret_hides_it_from_the_search() {
    let pieces: Vec<String> = escaped()
        .chain(
            ["a", "_", " ", ":", "=", "{", "}", "Some(", "é", "🦀", "apk_", "eyJ", "pass"].map(String::from),
        )
        .collect();
    let mut random = numbers();
    for _ in 0..5_000 {
        let mut around =
            |most| (0..random(most)).map(|_| pieces[random(pieces.len())].as_str()).collect::<String>();
        let (before, behind) = (around(6), around(6));
        // A letter directly before a name makes it another word, and a name before an equals sign takes it away.
        let (secret, escape) = (SECRETS[random(SECRETS.len())], &pieces[random(0x22)]);
        shows_nothing(&format!("{before}{escape}{secret} {behind}"));
    }
}

/// Random texts of pieces that matter to the search, short and long, as values and as keys, in one another.
#[test]
fn every_line_stays_json_and_keeps_what_is_no_secret() {
    let marks = [
        "\"", "\\", "\\\"", "://", "/", "@", ":", "=", ": ", "Some(", "{", "}", ",", " ", "\n", "\u{1}", "é",
    ];
    let long = "x".repeat(LONGEST);
    let pieces: Vec<&str> = NAMES
        .into_iter()
        .chain(STARTS.map(|(start, _)| start))
        .chain(marks)
        .chain(["hunter2hunter2", &long])
        .collect();
    let mut random = numbers();
    for _ in 0..5_000 {
        // Long pieces are rare.
        let mut text = || {
            let pick = |n: usize, again: usize| if n + 1 == pieces.len() { pieces[again] } else { pieces[n] };
            let text: String =
                (0..random(9)).map(|_| pick(random(pieces.len()), random(pieces.len()))).collect();
            nested(&text, random(3))
        };
        let (message, key, value) = (text(), format!("f{}", text()), text());
        let line =
            json!({ "message": message, key.as_str(): { "a": value }, "level": "INFO", "n": [7, "end"] });
        let mut written = Vec::new();
        Line(&mut written).write_all(line.to_string().as_bytes()).expect("written");
        let written = String::from_utf8(written).expect("a text");
        let read: Value =
            serde_json::from_str(&written).unwrap_or_else(|why| panic!("{why}: {line}\n{written}"));
        assert_eq!((&read["level"], &read["n"]), (&json!("INFO"), &json!([7, "end"])), "{line}\n{written}");
        // Text that is no JSON must not stop the log either.
        redact(&message);
    }
}
