//! A password as its owner typed it, and the hash that is all we keep of it.

use std::fmt;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use crate::domain::mask::Secret;

const MAX_CHARS: usize = 128;

/// A password that may be chosen; made by [`PasswordPolicy::accept`].
#[derive(Clone)]
pub struct Password(Secret<String>);

impl Password {
    pub(super) fn new(normal: String) -> Self {
        Self(Secret::new(normal))
    }

    /// The bytes that are hashed.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What someone typed as a password, chosen or claimed: at most 128 code points after NFKC, so that
/// one password typed on two keyboards is one password.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PasswordAttempt {
    normal: Secret<String>,
    raw: Secret<String>,
}

impl PasswordAttempt {
    /// # Errors
    /// The reason as a word: `too_long`, or `format` (a NUL or a replacement character).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let normal = Secret::new(normalise(text)?);
        Ok(Self { normal, raw: Secret::new(text.to_owned()) })
    }

    /// Normalised: what is hashed.
    pub fn expose(&self) -> &str {
        self.normal.expose()
    }

    /// As it was typed: what the prototype hashed.
    pub fn expose_raw(&self) -> &str {
        self.raw.expose()
    }
}

impl TryFrom<String> for PasswordAttempt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Debug for PasswordAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.normal.fmt(f)
    }
}

fn normalise(text: &str) -> Result<String, &'static str> {
    // NFKC can lengthen a text eighteen-fold: bound the work first.
    if text.len() > MAX_CHARS * 4 {
        return Err("too_long");
    }
    let normal: String = text.nfkc().collect();
    match normal.chars().count() {
        // The gateway writes U+FFFD for bytes that it cannot read: two passwords would become one.
        _ if normal.contains(['\0', '\u{fffd}']) => Err("format"),
        n if n > MAX_CHARS => Err("too_long"),
        _ => Ok(normal),
    }
}

/// A password's hash in PHC form, such as `$argon2id$v=19$m=19456,t=2,p=1$…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret<String>);

impl PasswordHash {
    pub fn new(phc: String) -> Self {
        Self(Secret::new(phc))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_code_points_not_bytes() {
        assert!(PasswordAttempt::parse(&"ü".repeat(128)).is_ok());
        assert_eq!(PasswordAttempt::parse(&"ü".repeat(129)).err(), Some("too_long"));
        assert_eq!(PasswordAttempt::parse(&"x".repeat(1 << 20)).err(), Some("too_long"));
    }

    #[test]
    fn two_spellings_of_one_text_are_one_password() {
        let composed = PasswordAttempt::parse("caf\u{e9} noir").map(|p| p.expose().to_owned());
        let decomposed = PasswordAttempt::parse("cafe\u{301} noir").map(|p| p.expose().to_owned());
        assert_eq!(composed, decomposed);
        let raw = PasswordAttempt::parse("cafe\u{301} noir").map(|p| p.expose_raw().to_owned());
        assert_eq!(raw, Ok("cafe\u{301} noir".into()));
    }

    #[test]
    fn a_nul_and_a_replacement_character_are_refused() {
        assert_eq!(PasswordAttempt::parse("correct\0horse").err(), Some("format"));
        assert_eq!(PasswordAttempt::parse("caf\u{fffd} horse").err(), Some("format"));
    }
}
