//! The format of keys in a secret that can be rotated: `{"signing": "<kid>", "keys": {"<kid>": "<base64>"}}`,
//! or one bare key, which is what a fresh deployment generates.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::domain::{Error, Result};

/// An HMAC-SHA-256 gains nothing from more, and is weaker with less.
const MIN_KEY_BYTES: usize = 32;
/// The name of a bare key; a rotation keeps it under this name until what it signed has expired.
const BARE_KID: &str = "bare";

/// The keys by name, and which of them signs.
pub(super) struct KeySet {
    pub(super) signing: String,
    pub(super) keys: HashMap<String, Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    signing: String,
    keys: HashMap<String, String>,
}

impl KeySet {
    /// Reads the text of the secret `name`.
    ///
    /// # Errors
    /// `Configuration` that names the secret and quotes nothing of it.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::Configuration(format!("{name} {why}"));
        let set = if text.trim_start().starts_with('{') {
            // Not the parser's own words: they could quote a key.
            let Stored { signing, keys } = serde_json::from_str(text).map_err(|_| {
                wrong("is neither a bare key nor {\"signing\", \"keys\"}; restore its last good version")
            })?;
            let decoded = keys.into_iter().map(|(kid, key)| Ok((kid, BASE64_STANDARD.decode(key)?)));
            let keys = decoded
                .collect::<Result<_, base64::DecodeError>>()
                .map_err(|_| wrong("contains a key that is not base64; restore its last good version"))?;
            Self { signing, keys }
        } else {
            let keys = HashMap::from([(BARE_KID.to_owned(), text.as_bytes().to_vec())]);
            Self { signing: BARE_KID.to_owned(), keys }
        };
        if set.keys.values().any(|key| key.len() < MIN_KEY_BYTES) {
            return Err(wrong(
                "contains a key of fewer than 32 bytes; make one with `openssl rand -base64 48`",
            ));
        }
        if !set.keys.contains_key(&set.signing) {
            return Err(wrong("names a signing key that it does not contain; restore its last good version"));
        }
        Ok(set)
    }
}
