//! The values that a mail can hold. None of these types holds a text that a user typed, except [`Typed`], which is left
//! out of mails to unproved addresses.

use std::{fmt, net::IpAddr, time::Duration};

use time::{OffsetDateTime, macros::datetime};

use super::Recipient;
use crate::domain::{Error, Result, mask::Secret, users::MaskedHandle};

/// A type of a template's field. `template.rs` refuses all other types, such as `String`.
pub(super) trait Field: Sized {
    /// Returns an example, for previews and tests.
    fn sample() -> Self;
}

/// The secret of a link. The page that it leads to follows from the template.
#[derive(Debug, Clone)]
pub struct LinkToken {
    secret: Secret<String>,
    pub valid: Duration,
}

impl LinkToken {
    /// # Errors
    /// `Internal` for a character that has a meaning in a URL or in HTML.
    pub fn new(secret: String, valid: Duration) -> Result<Self> {
        if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(Error::internal(
                "the secret of a link must consist of letters, digits, `-`, `_` and `.`",
            ));
        }
        Ok(Self { secret: Secret::new(secret), valid })
    }

    /// Returns the end of the URL. The secret is in the fragment, which browsers send to no server.
    pub(super) fn fragment(&self) -> String {
        format!("#token={}", self.secret.expose())
    }
}

/// A one-time code.
#[derive(Debug, Clone)]
pub struct Code {
    text: Secret<String>,
    pub valid: Duration,
}

impl Code {
    /// # Errors
    /// `Internal` for anything but 1 to 16 letters and digits.
    pub fn new(text: String, valid: Duration) -> Result<Self> {
        if !(1..=16).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Error::internal("a code must consist of 1 to 16 letters and digits"));
        }
        Ok(Self { text: Secret::new(text), valid })
    }

    pub(super) fn text(&self) -> &str {
        self.text.expose()
    }
}

/// The id of an API key, which we made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId(String);

impl KeyId {
    /// Returns `None` for a text that cannot be an id of this project.
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (!text.is_empty() && text.len() <= 64 && text.bytes().all(is_ours)).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What can prove who somebody is, next to the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    App,
    RecoveryCodes,
    Passkey,
    Phone,
}

/// A text that a user typed. Only a mail to a proved address shows it.
#[derive(Clone)]
pub struct Typed(String);

/// In code points.
const MAX_TYPED: usize = 200;

impl Typed {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text on one line, without the characters that change the direction of what follows.
    pub(super) fn shown_to(&self, recipient: &Recipient) -> Option<String> {
        let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let plain = self.0.chars().filter(|c| !turns(*c)).map(|c| if breaks(c) { ' ' } else { c });
        recipient.is_proved().then(|| plain.take(MAX_TYPED).collect())
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Field for LinkToken {
    fn sample() -> Self {
        Self { secret: Secret::new("lnk_0nlyAnExample".into()), valid: 24 * HOUR }
    }
}

impl Field for Code {
    fn sample() -> Self {
        Self { text: Secret::new("K7M2QX4T".into()), valid: HOUR }
    }
}

impl Field for KeyId {
    fn sample() -> Self {
        Self("4pXy9Qe2".into())
    }
}

impl Field for Factor {
    fn sample() -> Self {
        Self::Passkey
    }
}

impl Field for Typed {
    fn sample() -> Self {
        Self("Nightly <b>backup</b>".into())
    }
}

impl Field for MaskedHandle {
    fn sample() -> Self {
        Self::of_address("ada@example.com")
    }
}

impl Field for OffsetDateTime {
    fn sample() -> Self {
        datetime!(2030-01-31 12:00 UTC)
    }
}

impl Field for IpAddr {
    fn sample() -> Self {
        Self::from([203, 0, 113, 7])
    }
}

impl<T: Field> Field for Option<T> {
    fn sample() -> Self {
        Some(T::sample())
    }
}
