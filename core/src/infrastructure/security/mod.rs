//! Tokens, password hashes and random numbers, all on ring and Argon2.

pub mod jwt;
pub mod password;
mod pseudonym;
mod ring_hmac;

use ring::rand::{SecureRandom, SystemRandom};

pub use pseudonym::{Pseudonym, Pseudonyms};

use crate::domain::{Error, Result, auth::Sid};

/// Bytes from the operating system's generator.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system has no random numbers"))?;
    Ok(bytes)
}

pub fn random_sid() -> Result<Sid> {
    random().map(u128::from_ne_bytes).map(Sid::from_bits)
}
