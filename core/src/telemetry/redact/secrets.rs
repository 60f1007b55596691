//! Finds secrets by their shape, since it knows no values: tokens, password hashes, passwords in URLs, and values
//! under names such as `password`.

use super::escape::{ends_before_word, trim_start, unit};

const BLOT: &str = "***";

/// What ends the part of a URL that holds user and password.
pub(super) const ENDS_OF_LOGIN: [char; 4] = ['/', ' ', '"', '?'];

/// Whether a byte may be part of a secret of some kind.
type Characters = fn(u8) -> bool;

/// Text that follows one of these is secret as long as its characters are those of such a secret.
pub(super) const STARTS: [(&str, Characters); 8] = [
    // A JWT: base64url of `{"`, and two more parts.
    ("eyJ", is_token),
    ("$argon2", is_hash),
    ("$2a$", is_hash),
    ("$2b$", is_hash),
    ("$2y$", is_hash),
    ("Bearer ", is_token),
    // An API key.
    ("apk_", is_key),
    // The token of a link.
    ("lnk_", is_key),
];

/// The value of such a key or field is secret.
pub(super) const NAMES: [&str; 14] = [
    "password",
    "current",
    "new",
    "access",
    "refresh",
    "authorization",
    "token",
    "code",
    "verifier",
    "secret",
    "signing",
    "secret_key",
    "hmac_key",
    "db_password",
];

/// What begins with a byte. Most bytes of a line begin no secret and are copied without a search.
static BEGINNINGS: [u8; 256] = beginnings();
const SHAPE: u8 = 1;
const NAME: u8 = 2;

const fn beginnings() -> [u8; 256] {
    let mut of = [0; 256];
    // The `://` of a URL.
    of[b':' as usize] = SHAPE;
    let mut at = 0;
    while at < STARTS.len() {
        of[STARTS[at].0.as_bytes()[0] as usize] |= SHAPE;
        at += 1;
    }
    at = 0;
    while at < NAMES.len() {
        let first = NAMES[at].as_bytes()[0];
        of[first.to_ascii_lowercase() as usize] |= NAME;
        of[first.to_ascii_uppercase() as usize] |= NAME;
        at += 1;
    }
    of
}

/// Returns whether a secret, or the name of one, may begin with this byte behind this text.
fn may_begin(byte: u8, before: &[u8]) -> bool {
    match BEGINNINGS[usize::from(byte)] {
        0 => false,
        NAME => ends_before_word(before),
        _ => true,
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+/~".contains(&byte)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_hash(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$=,+/.".contains(&byte)
}

/// Returns the JSON line without what looks like a secret. The line stays JSON: a secret begins and ends between
/// escapes, and inside one string.
pub(super) fn redact(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    // Where the present string ends, and from where to where the next secret is.
    let (mut string, mut secret) = (None, None);
    let mut at = 0;
    while let Some(first) = line[at..].chars().next() {
        if secret.is_none() && may_begin(line.as_bytes()[at], clean.as_bytes()) {
            let text = &line[at..string.unwrap_or(line.len())];
            let found =
                secret_at(text, clean.as_bytes()).or_else(|| of_key(text, &line[at..], clean.as_bytes()));
            secret = found.map(|(kept, hidden)| (at + kept, at + kept + hidden));
        }
        if let Some((_, end)) = secret.take_if(|(from, _)| *from <= at) {
            clean.push_str(BLOT);
            at = at.max(end);
            continue;
        }
        let piece = &line[at..at + unit(&line.as_bytes()[at..]).max(first.len_utf8())];
        clean.push_str(piece);
        at += piece.len();
        if piece == "\"" {
            string = if string.is_none() { Some(at + end_of_string(&line[at..], 0)) } else { None };
        }
    }
    clean
}

/// If a secret begins here: how many bytes to keep, and how many to hide after them.
fn secret_at(text: &str, before: &[u8]) -> Option<(usize, usize)> {
    let named = || names(text, before).find_map(|name| behind(text, name));
    shaped(text).or_else(|| in_url(text)).or_else(named)
}

/// The same for the end of a string that may be a key. Only behind a whole key is the value in another string: the
/// quote behind a text that ends with `new:` ends this text.
fn of_key(string: &str, line: &str, before: &[u8]) -> Option<(usize, usize)> {
    names(string, before).filter(|name| *name == string.len()).find_map(|name| behind(line, name))
}

fn shaped(text: &str) -> Option<(usize, usize)> {
    let first = text.as_bytes().first()?;
    let starts = |(start, _): &&(&str, Characters)| start.as_bytes()[0] == *first && text.starts_with(start);
    let (start, belongs) = STARTS.iter().find(starts)?;
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

/// Returns the lengths of the names of secrets that may begin here: `secret` begins `secret_key`.
fn names(text: &str, before: &[u8]) -> impl Iterator<Item = usize> {
    let first = text.as_bytes().first().filter(|_| ends_before_word(before)).map(u8::to_ascii_lowercase);
    let begins = move |name: &&&str| first == Some(name.as_bytes()[0]);
    let is = |name: &&&str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    NAMES.iter().filter(begins).filter(is).map(|name| name.len())
}

/// Finds the value behind a name of this length: `"password":"…"`, also inside a string, where the quotes are
/// escaped; Rust's own `password: "…"` and `password: Some("…")`, in one line or in several; and `password=…`.
fn behind(text: &str, name: usize) -> Option<(usize, usize)> {
    let (kept, hidden) = value(&text[name..])?;
    Some((name + kept, hidden))
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

/// Returns where a string ends whose quotes stand behind `depth` backslashes. A backslash of the string itself is
/// written as twice as many and two.
fn end_of_string(value: &str, depth: usize) -> usize {
    let mut backslashes = 0;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'\\' => backslashes += 1,
            b'"' if backslashes % (2 * depth + 2) <= depth => return at - backslashes % (2 * depth + 2),
            _ => backslashes = 0,
        }
    }
    value.len()
}
