//! A password as its owner typed it, and the hash that is all we keep of it.

use std::fmt;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use crate::domain::mask::Secret;

/// A new password: 8 to 128 code points after NFKC, so that one password typed on two keyboards
/// is one password. No composition rules: length is what helps.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(Secret<String>);

const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 128;

impl Password {
    /// # Errors
    /// The reason as a word: `too_short`, `too_long` or `format` (a NUL character).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let normal = normalise(text)?;
        if normal.chars().count() < MIN_CHARS { Err("too_short") } else { Ok(Self(Secret::new(normal))) }
    }

    /// The bytes that are hashed.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for Password {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What someone claims to be the password: normalised the same way, but not held to rules that
/// may have changed since it was chosen.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PasswordAttempt(Secret<String>);

impl PasswordAttempt {
    /// # Errors
    /// The reason as a word: `too_long` or `format` (a NUL character), which no password is.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        normalise(text).map(|normal| Self(Secret::new(normal)))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
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
        self.0.fmt(f)
    }
}

fn normalise(text: &str) -> Result<String, &'static str> {
    // NFKC can lengthen a text eighteen-fold: bound the work first.
    if text.len() > MAX_CHARS * 4 {
        return Err("too_long");
    }
    let normal: String = text.nfkc().collect();
    match normal.chars().count() {
        _ if normal.contains('\0') => Err("format"),
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
        assert!(Password::parse(&"ü".repeat(8)).is_ok());
        assert!(Password::parse(&"ü".repeat(128)).is_ok());
        assert_eq!(Password::parse(&"ü".repeat(7)).err(), Some("too_short"));
        assert_eq!(Password::parse(&"ü".repeat(129)).err(), Some("too_long"));
        assert_eq!(Password::parse(&"x".repeat(1 << 20)).err(), Some("too_long"));
    }

    #[test]
    fn two_spellings_of_one_text_are_one_password() {
        let composed = Password::parse("caf\u{e9} noir").map(|p| p.expose().to_owned());
        let decomposed = Password::parse("cafe\u{301} noir").map(|p| p.expose().to_owned());
        assert_eq!(composed, decomposed);
    }

    #[test]
    fn a_nul_character_is_refused() {
        assert_eq!(Password::parse("correct\0horse").err(), Some("format"));
    }
}
