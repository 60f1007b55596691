//! What an error says about a request: which part of it is wrong, and why.

use std::borrow::Cow;

/// One thing that is wrong with what a caller sent: where and why, never the submitted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Safe to show: see [`shown`].
    pub key: String,
    /// A stable word for programs, such as `required`, `format`, `too_long`.
    pub reason: Cow<'static, str>,
}

impl Detail {
    pub fn new(key: impl AsRef<str>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { key: shown(key.as_ref()).to_owned(), reason: reason.into() }
    }
}

/// Returns a key as errors and logs may show it: itself, or `?` if it does not look like a key.
///
/// A key can be the caller's own text, and that can be anything, also a pasted password.
pub fn shown(key: &str) -> &str {
    let is_harmless =
        key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte));
    if is_harmless { key } else { "?" }
}

/// What a request can have too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    BodyBytes,
    HeaderBytes,
    Headers,
    QueryBytes,
    QueryParameters,
}

impl Part {
    /// Returns the words that follow a number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyBytes => "bytes in the body",
            Self::HeaderBytes => "bytes in the headers",
            Self::Headers => "headers",
            Self::QueryBytes => "bytes in the query string",
            Self::QueryParameters => "parameters in the query string",
        }
    }
}

/// A parameter of the query string that cannot be used.
#[derive(Debug)]
pub struct BadParameter {
    pub detail: Detail,
    /// The problem and what to send instead, for people.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_look_like_one_is_not_shown() {
        for key in ["email", "address.city", "permissions[1]", "Idempotency-Key", "meta__theme__e"] {
            assert_eq!(Detail::new(key, "type").key, key);
        }
        let long = "x".repeat(65);
        for key in ["my secret", "<b>x</b>", "\u{1b}[31m", "caf\u{e9}", "a=b", long.as_str()] {
            assert_eq!(Detail::new(key, "type").key, "?", "{key}");
        }
    }
}
