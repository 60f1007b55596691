//! A session is one sign-in. Each refresh starts its next generation; both have a random id.

use std::fmt;

use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::Client;
use crate::domain::words::words;

/// However often it is refreshed, a session ends after this and its owner signs in again.
pub const SESSION_LIFETIME: Duration = Duration::days(30);

/// How long a proof of identity is recent. The sign-in is the first proof of a session.
pub const PROOF_LIFETIME: Duration = Duration::minutes(5);

/// The id of a session or of one of its generations: 128 random bits in base62, 22 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomId(String);

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 22; // 62^22 > 2^128

impl RandomId {
    pub fn from_bits(mut bits: u128) -> Self {
        let mut text = [b'0'; LENGTH];
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(bits % 62) as usize];
            bits /= 62;
        }
        Self(text.iter().map(|&b| char::from(b)).collect())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the bits of an id; `None` for 22 characters that stand for more than 128 bits.
    pub fn to_bits(&self) -> Option<u128> {
        self.0.bytes().try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|&known| known == byte)?;
            bits.checked_mul(62)?.checked_add(digit as u128)
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for RandomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session about to be stored.
#[derive(Debug)]
pub struct NewSession<'a> {
    pub id: &'a RandomId,
    pub user: Uuid,
    /// The user's epoch when they proved who they are. The session is stored only if it still stands.
    pub epoch: i32,
    /// The first generation.
    pub generation: &'a RandomId,
    /// The key that signs the pair.
    pub kid: &'a str,
    pub now: OffsetDateTime,
    /// Ends earlier than this only by expiry of the whole session or by revocation.
    pub idle_until: OffsetDateTime,
    /// Whether the sign-in counts as a recent proof of identity.
    pub is_proof: bool,
    pub client: Client<'a>,
}

/// A session as its user sees it.
#[derive(Debug)]
pub struct ListedSession {
    pub id: RandomId,
    /// Whether it is the session that asks.
    pub current: bool,
    pub created_at: OffsetDateTime,
    pub refreshed_at: OffsetDateTime,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// Where the next page of a user's sessions begins: behind this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCursor {
    pub refreshed_at: OffsetDateTime,
    pub id: RandomId,
}

impl SessionCursor {
    /// The place behind a session. The current one is first whenever it was refreshed, so all others
    /// are behind it.
    pub fn after(session: &ListedSession) -> Self {
        let refreshed_at = if session.current { LATEST } else { session.refreshed_at };
        Self { refreshed_at, id: session.id.clone() }
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (seconds, id) = text.split_once('.')?;
        // No session is older than 1970, and Postgres does not know every year that Rust knows.
        let seconds = seconds.parse().ok().filter(|&seconds: &i64| seconds >= 0)?;
        let refreshed_at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        Some(Self { refreshed_at, id: RandomId::parse(id)? }).filter(|cursor| cursor.to_string() == text)
    }
}

/// Sessions are refreshed at whole seconds.
impl fmt::Display for SessionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.refreshed_at.unix_timestamp(), self.id)
    }
}

/// After every refresh that there is.
const LATEST: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

words! {
    /// Why a session was ended before its time, with the word in the column.
    pub enum RevokeReason {
        SignOut = "sign_out",
        /// By its user, from another session.
        Revoked = "revoked",
        Reuse = "reuse",
        PasswordChange = "password_change",
        PasswordReset = "password_reset",
        /// Somebody proved the address of the account, who need not be the one who signed up with it.
        FirstProof = "first_proof",
        /// Somebody else proved the address of the account, which had not proved it.
        AddressTaken = "address_taken",
        /// An old address took the account back.
        EmailRestored = "email_restored",
        /// Somebody else proved the phone number of the account.
        PhoneTaken = "phone_taken",
        /// Its user was deactivated.
        Deactivated = "deactivated",
        /// Its user asked for the deletion of the account.
        Deleted = "deleted",
        /// Its user has signed in more often than sessions may live, and it was refreshed longest ago.
        TooMany = "too_many",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_length_and_parse_back() {
        for bits in [0, 1, 61, 62, u128::MAX] {
            let sid = RandomId::from_bits(bits);
            assert_eq!(sid.as_str().len(), LENGTH);
            assert_eq!(RandomId::parse(sid.as_str()), Some(sid.clone()));
            assert_eq!(sid.to_bits(), Some(bits));
        }
        assert_ne!(RandomId::from_bits(u128::MAX), RandomId::from_bits(u128::MAX - 1));
    }

    #[test]
    fn what_is_no_id_does_not_parse() {
        for text in ["", "0", "000000000000000000000#", "00000000000000000000000"] {
            assert_eq!(RandomId::parse(text), None, "{text}");
        }
    }
}
