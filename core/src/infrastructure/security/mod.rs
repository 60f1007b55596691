//! Tokens, password hashes and random numbers, all on ring and Argon2.

mod challenge_keys;
pub mod jwt;
mod key_set;
pub mod password;
mod pseudonym;
mod ring_hmac;

use std::fmt::Write as _;

use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};

pub use challenge_keys::ChallengeKeys;
pub use pseudonym::{Pseudonym, Pseudonyms};

use crate::domain::{Error, Result, auth::RandomId};

/// Bytes from the operating system's generator.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("cannot read random numbers from the system"))?;
    Ok(bytes)
}

/// Hashes a text that nobody could guess, or that is no secret. Do not use it for passwords.
pub fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

/// Returns bytes as hex digits in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub fn random_sid() -> Result<RandomId> {
    random().map(u128::from_ne_bytes).map(RandomId::from_bits)
}
