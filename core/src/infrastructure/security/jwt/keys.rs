//! The signing keys as they stand in the secret: `{"signing": "<kid>", "keys": {"<kid>": "<base64>"}}`,
//! or one bare key, which is what a fresh deployment generates.

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
    signing: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
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
        let set: KeySet = serde_json::from_str(text)
            .map_err(|_| wrong("is neither a bare key nor {\"signing\", \"keys\"}"))?;
        let mut keys = HashMap::new();
        for (kid, key) in set.keys {
            let bytes = BASE64_STANDARD.decode(&key).map_err(|_| wrong("holds a key that is not base64"))?;
            keys.insert(kid, bytes);
        }
        Self::new(set.signing, &keys)
    }

    fn new(signing_kid: String, keys: &HashMap<String, Vec<u8>>) -> Result<Self> {
        if keys.values().any(|key| key.len() < MIN_KEY_BYTES) {
            return Err(wrong("holds a key of less than 32 bytes; make one with `openssl rand -base64 48`"));
        }
        let signing =
            keys.get(&signing_kid).ok_or_else(|| wrong("names a signing key that it does not hold"))?;
        Ok(Self {
            signing: EncodingKey::from_secret(signing),
            signing_kid,
            verifying: keys.iter().map(|(kid, key)| (kid.clone(), DecodingKey::from_secret(key))).collect(),
        })
    }

    pub(super) fn signing_kid(&self) -> &str {
        &self.signing_kid
    }

    pub(super) fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    pub(super) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.verifying.get(kid)
    }
}

fn wrong(why: &str) -> Error {
    Error::Configuration(format!("SECRET_KEY {why}"))
}
