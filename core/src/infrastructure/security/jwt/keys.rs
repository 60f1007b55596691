//! The signing keys in the form of the secret: `{"signing": "<kid>", "keys": {"<kid>": "<base64>"}}`, or one
//! bare key, which a new deployment generates.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Deserialize;

use crate::domain::{Error, Result};

/// HS256 gains nothing from more, and is weaker with less.
const MIN_KEY_BYTES: usize = 32;
/// The name of a bare key; a rotation keeps it under this name until its tokens have expired.
const BARE_KID: &str = "bare";

pub(super) struct Keys {
    signing_kid: String,
    keys: HashMap<String, (EncodingKey, DecodingKey)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySet {
    signing: String,
    keys: HashMap<String, String>,
}

impl Keys {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            return Self::new(
                BARE_KID.to_owned(),
                &HashMap::from([(BARE_KID.to_owned(), text.as_bytes().to_vec())]),
            );
        }
        // Not the parser's own words: they could quote a key.
        let set: KeySet = serde_json::from_str(text).map_err(|_| {
            wrong("is neither a bare key nor {\"signing\", \"keys\"}; restore its last good version")
        })?;
        let mut keys = HashMap::new();
        for (kid, key) in set.keys {
            let bytes = BASE64_STANDARD
                .decode(&key)
                .map_err(|_| wrong("contains a key that is not base64; restore its last good version"))?;
            keys.insert(kid, bytes);
        }
        Self::new(set.signing, &keys)
    }

    fn new(signing_kid: String, keys: &HashMap<String, Vec<u8>>) -> Result<Self> {
        if keys.values().any(|key| key.len() < MIN_KEY_BYTES) {
            return Err(wrong(
                "contains a key of fewer than 32 bytes; make one with `openssl rand -base64 48`",
            ));
        }
        if !keys.contains_key(&signing_kid) {
            return Err(wrong("names a signing key that it does not contain; restore its last good version"));
        }
        let both = |key: &Vec<u8>| (EncodingKey::from_secret(key), DecodingKey::from_secret(key));
        Ok(Self { signing_kid, keys: keys.iter().map(|(kid, key)| (kid.clone(), both(key))).collect() })
    }

    pub(super) fn signing_kid(&self) -> &str {
        &self.signing_kid
    }

    /// Any of them, not only the one that signs new pairs: a replayed pair keeps its key.
    pub(super) fn signing(&self, kid: &str) -> Option<&EncodingKey> {
        self.keys.get(kid).map(|(signing, _)| signing)
    }

    pub(super) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid).map(|(_, verifying)| verifying)
    }
}

fn wrong(why: &str) -> Error {
    Error::Configuration(format!("SECRET_KEY {why}"))
}
