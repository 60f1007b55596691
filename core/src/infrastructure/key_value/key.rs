//! What values are kept under.

use crate::domain::{Error, Result};

/// Characters. An index entry of Postgres, and a person's patience, have limits.
const MAX: usize = 200;

/// 1 to 200 visible ASCII characters, as in `exchange_rates:EUR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// # Errors
    /// `Validation` for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        checked("key", text.into()).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What keys begin with, as in `exchange_rates:`. Never empty: that would be every key there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// # Errors
    /// As of [`CacheKey::parse`].
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        checked("prefix", text.into()).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn checked(what: &str, text: String) -> Result<String> {
    if text.is_empty() {
        Err(Error::invalid(what, "required"))
    } else if text.len() > MAX {
        Err(Error::invalid(what, "too_long"))
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(Error::invalid(what, "format"))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_and_not_too_long() {
        for text in ["a", "exchange_rates:EUR", "*?[x]\\", &"x".repeat(200)] {
            assert_eq!(CacheKey::parse(text).expect("a key").as_str(), text);
        }
        for text in ["", "a b", "a\0", "a\n", "ü", &"x".repeat(201)] {
            assert!(CacheKey::parse(text).is_err() && Prefix::parse(text).is_err(), "{text:?}");
        }
    }
}
