//! Finds secrets by their shape, since it knows no values: tokens, password hashes, passwords in URLs, and values
//! under names such as `password`.

use super::escape::{ends_before_word, trim_start, unit};

const BLOT: &str = "***";

/// What ends the part of a URL that holds user and password.
pub(super) const ENDS_OF_LOGIN: [char; 4] = ['/', ' ', '"', '?'];

/// Whether a byte may be part of a secret of some kind.
type Characters = fn(u8) -> bool;

/// Text that follows one of these is secret as long as its characters are those of such a secret.
pub(super) const STARTS: [(&str, Characters); 7] = [
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

/// Returns the JSON line without what looks like a secret. No secret begins inside an escape, so the line stays
/// JSON.
pub(super) fn redact(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if let Some((kept, hidden)) = secret_at(rest, clean.as_bytes()) {
            clean.push_str(&rest[..kept]);
            clean.push_str(BLOT);
            rest = &rest[kept + hidden..];
        } else {
            let (piece, behind) = rest.split_at(unit(rest.as_bytes()).max(first.len_utf8()));
            clean.push_str(piece);
            rest = behind;
        }
    }
    clean
}

/// If a secret begins here: how many bytes to keep, and how many to hide after them.
fn secret_at(text: &str, before: &[u8]) -> Option<(usize, usize)> {
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

/// `postgres://user:password@host`. Some writers of JSON escape the slashes.
fn in_url(text: &str) -> Option<(usize, usize)> {
    let after_slash = text.strip_prefix(':')?.trim_start_matches('\\').strip_prefix('/')?;
    let rest = after_slash.trim_start_matches('\\').strip_prefix('/')?;
    let authority = &rest[..rest.find(ENDS_OF_LOGIN).unwrap_or(rest.len())];
    let (login, _) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    Some((text.len() - rest.len() + user.len() + 1, password.len()))
}

/// Returns the text before the `://` that it ends with.
pub(super) fn before_authority(text: &str) -> Option<&str> {
    let before_slash = text.strip_suffix('/')?.trim_end_matches('\\').strip_suffix('/')?;
    before_slash.trim_end_matches('\\').strip_suffix(':')
}

/// `"password":"…"`, also inside a string, where the quotes are escaped; Rust's own
/// `password: "…"` and `password: Some("…")`, in one line or in several; and `password=…`.
fn named(text: &str, before: &[u8]) -> Option<(usize, usize)> {
    if !ends_before_word(before) {
        return None;
    }
    let is = |name: &&&str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    NAMES.iter().filter(is).find_map(|name| {
        let (kept, hidden) = value(&text[name.len()..])?;
        Some((name.len() + kept, hidden))
    })
}

/// Returns the value behind a name: how many bytes precede it, and how many it has.
fn value(text: &str) -> Option<(usize, usize)> {
    // The closing quote of the name, if the name is quoted, escaped or not.
    let unquoted = trim_start(text.trim_start_matches('\\').strip_prefix('"').unwrap_or(text));
    let bare = unquoted.strip_prefix('=');
    let start = inside(trim_start(bare.or_else(|| unquoted.strip_prefix(':'))?));
    let depth = start.bytes().take_while(|byte| *byte == b'\\').count();
    if let Some(string) = start[depth..].strip_prefix('"') {
        return Some((text.len() - string.len(), end_of_string(string, depth)));
    }
    let rest = bare?;
    let hidden = end_of_word(rest);
    (hidden > 0).then_some((text.len() - rest.len(), hidden))
}

/// Returns the text inside of `Some(` and similar wrappers, at any depth.
fn inside(text: &str) -> &str {
    let name = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(byte)).count();
    match text[name..].strip_prefix('(') {
        Some(rest) if name > 0 => inside(trim_start(rest)),
        _ => text,
    }
}

/// Returns where a value without quotes ends. An escaped quote or line break ends it as well. Any other escape is
/// part of it.
fn end_of_word(value: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = value.as_bytes().get(at) {
        let backslashes = value.as_bytes()[at..].iter().take_while(|byte| **byte == b'\\').count();
        let escaped = value.as_bytes().get(at + backslashes);
        if byte.is_ascii_whitespace()
            || b"\",;&".contains(byte)
            || (backslashes > 0 && escaped.is_none_or(|byte| b"\"nrt".contains(byte)))
        {
            break;
        }
        at += backslashes.max(1);
    }
    at
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
