//! Names for addresses, accounts and requests that tell nobody whose they are and what they hold.

use std::fmt;

use ring::hmac;
use uuid::Uuid;

use crate::domain::{Error, Result, users::Account};

/// HMAC-SHA-256 gains nothing from more, and is weaker with less.
const MIN_KEY_BYTES: usize = 32;

/// Half of an HMAC-SHA-256: enough to be unique.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same bits, for where a caller without an account has to be named like a user.
    pub fn as_uuid(&self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

/// 32 hex digits.
impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key that makes them. Without it nobody can look for the pseudonym of an address they guess.
#[derive(Clone)]
pub struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    /// # Errors
    /// `Configuration` when the key has fewer than 32 bytes. Somebody with a dump of the table could guess a
    /// shorter key, and with it every address in the table.
    pub fn new(key: &str) -> Result<Self> {
        if key.len() < MIN_KEY_BYTES {
            let why = "HMAC_KEY has fewer than 32 bytes; make one with `openssl rand -base64 48`";
            return Err(Error::Configuration(why.into()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))
    }

    pub fn of_account(&self, account: &dyn Account) -> Pseudonym {
        self.of(&[b"account", account.canonical().as_bytes()])
    }

    /// Of an address or number that links and codes are sent to.
    pub fn of_subject(&self, subject: &[u8]) -> Pseudonym {
        self.of(&[b"subject", subject])
    }

    pub fn of_user(&self, user: Uuid) -> Pseudonym {
        self.of(&[b"user", user.as_bytes()])
    }

    /// One for all addresses that begin with these bytes; see [`Span`](crate::domain::rate_limit::Span).
    pub fn of_network(&self, prefix: &[u8]) -> Pseudonym {
        self.of(&[b"address", prefix])
    }

    pub fn of_account_at(&self, account: &[u8], prefix: &[u8]) -> Pseudonym {
        self.of(&[b"account at", account, prefix])
    }

    /// Says whether two requests ask for the same, and nothing else.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> Pseudonym {
        let all: Vec<&[u8]> = [b"request".as_slice()].into_iter().chain(parts.iter().copied()).collect();
        self.of(&all)
    }

    fn of(&self, parts: &[&[u8]]) -> Pseudonym {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            // Lengths, so that no two lists of parts run together to the same bytes.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&context.sign().as_ref()[..16]);
        Pseudonym(half)
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{rate_limit::Span, users::Email};

    fn pseudonyms(key: &str) -> Pseudonyms {
        Pseudonyms::new(&format!("{key}, made longer: 32 bytes or more")).expect("a good key")
    }

    fn of(key: &str, ip: &str) -> Pseudonym {
        pseudonyms(key).of_network(&Span::Address.prefix(ip.parse().ok()).unwrap_or_default())
    }

    #[test]
    fn a_short_key_is_refused_without_being_quoted() {
        let short = "0123456789abcdef0123456789abcde";
        let said = Pseudonyms::new(short).map(drop).map_err(|error| error.chain());
        assert!(
            said.as_ref().is_err_and(|said| said.contains("HMAC_KEY") && !said.contains(short)),
            "{said:?}"
        );
        assert!(Pseudonyms::new(&format!("{short}f")).is_ok());
    }

    #[test]
    fn neighbours_in_one_network_share_a_name_and_others_do_not() {
        assert_eq!(of("k", "2001:db8:0:1::1"), of("k", "2001:db8:0:1:ffff::2"));
        assert_ne!(of("k", "2001:db8:0:1::1"), of("k", "2001:db8:0:2::1"));
        assert_ne!(of("k", "203.0.113.7"), of("k", "203.0.113.8"));
        assert_eq!(of("k", "203.0.113.7"), of("k", "::ffff:203.0.113.7"));
    }

    #[test]
    fn without_the_key_there_is_no_telling() {
        assert_ne!(of("k", "203.0.113.7"), of("l", "203.0.113.7"));
        let email = Email::parse("ada@example.com").expect("an address");
        let named = pseudonyms("k").of_account(&email).to_string();
        assert!(named.len() == 32 && !named.contains("ada"));
    }
}
