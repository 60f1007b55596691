//! The last net: whatever looks like a secret is blotted out of a line before it is written, and long texts
//! are cut. Callers and foreign writers choose some texts, and a line costs by its length.
//!
//! What keeps secrets out of logs are the types (`mask::Secret`); this is for the day when someone
//! formats the wrong thing. It knows shapes, not values: tokens, password hashes, passwords in
//! URLs, and values under telling names.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use tracing_subscriber::fmt::MakeWriter;

const BLOT: &str = "***";

/// What ends the part of a URL that holds user and password.
const ENDS_OF_LOGIN: [char; 4] = ['/', ' ', '"', '?'];

/// A text in a line keeps about this many bytes.
const LONGEST: usize = 2_000;

/// Whether a byte may stand in a secret of some kind.
type Characters = fn(u8) -> bool;

/// Text that follows one of these is secret as long as its characters are those of such a secret.
const STARTS: [(&str, Characters); 7] = [
    // A JWT: base64url of `{"`, and two more parts.
    ("eyJ", is_token),
    ("$argon2", is_hash),
    ("$2a$", is_hash),
    ("$2b$", is_hash),
    ("$2y$", is_hash),
    ("Bearer ", is_token),
    // An API key.
    ("apk_", is_key),
];

/// The value of such a key or field is secret.
const NAMES: [&str; 12] = [
    "password",
    "current",
    "new",
    "access",
    "refresh",
    "authorization",
    "token",
    "secret",
    "signing",
    "secret_key",
    "hmac_key",
    "db_password",
];

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+/~".contains(&byte)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_hash(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$=,+/.".contains(&byte)
}

/// The line without what looks like a secret.
pub(super) fn redact(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some((kept, hidden)) = secret_at(rest, clean.as_bytes().last().copied()) {
            clean.push_str(&rest[..kept]);
            clean.push_str(BLOT);
            rest = &rest[kept + hidden..];
        } else {
            clean.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    clean
}

/// If a secret begins here: how many bytes to keep, and how many to hide after them.
fn secret_at(text: &str, before: Option<u8>) -> Option<(usize, usize)> {
    shaped(text).or_else(|| in_url(text)).or_else(|| named(text, before))
}

fn shaped(text: &str) -> Option<(usize, usize)> {
    let (start, belongs) = STARTS.iter().find(|(start, _)| text.starts_with(start))?;
    let length = text[start.len()..].bytes().take_while(|byte| belongs(*byte)).count();
    // `eyJ` may be part of a word, and so short a thing is no secret.
    (length >= 8).then_some(if *start == "Bearer " {
        (start.len(), length)
    } else {
        (0, start.len() + length)
    })
}

/// `postgres://user:password@host`
fn in_url(text: &str) -> Option<(usize, usize)> {
    let rest = text.strip_prefix("://")?;
    let authority = &rest[..rest.find(ENDS_OF_LOGIN).unwrap_or(rest.len())];
    let (login, _) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    Some(("://".len() + user.len() + 1, password.len()))
}

/// `"password":"…"`, also inside a string, where the quotes are escaped; Rust's own
/// `password: "…"` and `password: Some("…")`; and `password=…`.
fn named(text: &str, before: Option<u8>) -> Option<(usize, usize)> {
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let is = |name: &&&str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    NAMES.iter().filter(is).find_map(|name| {
        let (kept, hidden) = value(&text[name.len()..])?;
        Some((name.len() + kept, hidden))
    })
}

/// The value behind a name: how many bytes stand before it, and how many it has.
fn value(text: &str) -> Option<(usize, usize)> {
    // The closing quote of the name, if it stands in quotes, escaped or not.
    let unquoted = text.trim_start_matches('\\').strip_prefix('"').unwrap_or(text).trim_start();
    let bare = unquoted.strip_prefix('=');
    let start = inside(bare.or_else(|| unquoted.strip_prefix(':'))?.trim_start());
    let depth = start.bytes().take_while(|byte| *byte == b'\\').count();
    if let Some(string) = start[depth..].strip_prefix('"') {
        return Some((text.len() - string.len(), end_of_string(string, depth)));
    }
    let rest = bare?;
    let hidden =
        rest.bytes().take_while(|byte| !byte.is_ascii_whitespace() && !b"\",;&\\".contains(byte)).count();
    (hidden > 0).then_some((text.len() - rest.len(), hidden))
}

/// What stands in `Some(` and the like, however many.
fn inside(text: &str) -> &str {
    let name = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(byte)).count();
    match text[name..].strip_prefix('(') {
        Some(rest) if name > 0 => inside(rest),
        _ => text,
    }
}

/// Where a string ends whose quotes stand behind `depth` backslashes.
fn end_of_string(value: &str, depth: usize) -> usize {
    let mut backslashes = 0;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'\\' => backslashes += 1,
            b'"' if backslashes <= depth => return at - backslashes,
            _ => backslashes = 0,
        }
    }
    value.len()
}

/// Returns the JSON line with each string in it cut behind [`LONGEST`] bytes.
fn shorten(line: &str) -> Cow<'_, str> {
    if line.len() <= LONGEST {
        return Cow::Borrowed(line);
    }
    let mut short = String::new();
    // Where the part begins that is still to be copied; where the present string begins; where it is cut.
    let (mut from, mut string, mut cut) = (0, None, None);
    let mut at = 0;
    while at < line.len() {
        match (line.as_bytes()[at], string) {
            (b'"', None) => string = Some(at),
            (b'"', Some(_)) => {
                if let (Some(cut), Some(start)) = (cut.take(), string) {
                    let cut = start + without_half_a_secret(&line[start..cut]);
                    short.push_str(&line[from..cut]);
                    short.push('…');
                    from = at;
                }
                string = None;
            }
            (_, Some(start)) if cut.is_none() && at - start > LONGEST && line.is_char_boundary(at) => {
                cut = Some(at);
            }
            _ => {}
        }
        at += unit(&line.as_bytes()[at..]);
    }
    short.push_str(&line[from..]);
    Cow::Owned(short)
}

/// Returns how much of a text may be kept when it is cut behind its end. A secret that reaches the cut is no longer
/// recognised by its shape, so it is left out.
fn without_half_a_secret(text: &str) -> usize {
    let login = text.rfind(ENDS_OF_LOGIN).map_or(0, |end| end + 1);
    let mut keep = if text[..login].ends_with("://") { login - "://".len() } else { text.len() };
    for (start, belongs) in STARTS {
        let run = text.bytes().rev().take_while(|byte| belongs(*byte)).count();
        let from = text.len().saturating_sub(run + start.len());
        let found = text.as_bytes()[from..].windows(start.len()).position(|part| part == start.as_bytes());
        keep = found.map_or(keep, |at| keep.min(from + at));
    }
    let mut whole = 0;
    while whole + unit(&text.as_bytes()[whole..]) <= keep {
        whole += unit(&text.as_bytes()[whole..]);
        if whole == text.len() {
            break;
        }
    }
    whole
}

/// Returns how many bytes belong together: an escape is cut nowhere inside.
fn unit(text: &[u8]) -> usize {
    match text {
        [b'\\', b'u', ..] => 6,
        [b'\\', ..] => 2,
        _ => 1,
    }
}

/// Wraps a writer of lines.
pub(super) struct Redacted<M>(pub(super) M);

pub(super) struct Line<W: Write>(W);

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Redacted<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

impl<W: Write> Write for Line<W> {
    /// The formatter hands over whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(redact(&shorten(&String::from_utf8_lossy(bytes))).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_blotted_out() {
        for (line, clean) in [
            ("got eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoxfQ.c2ln, no", "got ***, no"),
            ("Authorization: Bearer abcdefgh.ij", "Authorization: Bearer ***"),
            ("hash $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA end", "hash *** end"),
            ("$2b$12$abcdefghijklmnopqrstuu", "***"),
            ("to postgres://app:hun:ter@2@db:5432/app", "to postgres://app:***@db:5432/app"),
            (r#"{"email":"a","password":"hun\"ter2","x":1}"#, r#"{"email":"a","password":"***","x":1}"#),
            (
                r#"{"message":"body {\"password\": \"hunter2\"} end"}"#,
                r#"{"message":"body {\"password\": \"***\"} end"}"#,
            ),
            ("password=hunter2 tries=3", "password=*** tries=3"),
            (r#"{"Refresh":"abc"}"#, r#"{"Refresh":"***"}"#),
            (r#"Change { current: "hunter2", n: 1 }"#, r#"Change { current: "***", n: 1 }"#),
            (
                r#"{"message":"C { new: Some(\"hun\\\"ter2\") }"}"#,
                r#"{"message":"C { new: Some(\"***\") }"}"#,
            ),
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
        ] {
            assert_eq!(redact(line), line);
        }
    }

    #[test]
    fn long_texts_are_cut_and_the_line_stays_json() {
        for text in ["x".repeat(500_000), "\u{1}\"\\".repeat(100_000), "🦀é".repeat(100_000)] {
            let line =
                serde_json::json!({ "event": text, "level": "INFO", "n": { "other": text } }).to_string();
            let short = shorten(&line);
            let read: serde_json::Value = serde_json::from_str(&short).expect("JSON");
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
            r#"{"password": "hunter2hunter2"}"#,
        ];
        for secret in secrets {
            for before in LONGEST - 60..=LONGEST {
                let text = format!("{}{secret} {}", ".".repeat(before), ".".repeat(LONGEST));
                let mut written = Vec::new();
                let line = serde_json::json!({ "message": text, "level": "INFO" }).to_string();
                Line(&mut written).write_all(line.as_bytes()).expect("written");
                let read: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
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
}
