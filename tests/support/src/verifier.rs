//! The verifier of a client that asks for a code or a link, and what it sends of it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};

pub const VERIFIER: &str = "a-verifier-of-the-client-that-asked-0123456789";

/// Returns the `challenge` that belongs to [`VERIFIER`].
#[must_use]
pub fn challenge() -> String {
    challenge_of(VERIFIER)
}

/// Returns the `challenge` of a verifier: its SHA-256.
#[must_use]
pub fn challenge_of(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}
