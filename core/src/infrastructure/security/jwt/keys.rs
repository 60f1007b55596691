//! The keys that sign and verify tokens.

use std::collections::HashMap;

use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::{domain::Result, infrastructure::security::key_set::KeySet};

pub(super) struct Keys {
    signing_kid: String,
    keys: HashMap<String, (EncodingKey, DecodingKey)>,
}

impl Keys {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let KeySet { signing, keys } = KeySet::parse("SECRET_KEY", text)?;
        let both = |key: &Vec<u8>| (EncodingKey::from_secret(key), DecodingKey::from_secret(key));
        let keys = keys.iter().map(|(kid, key)| (kid.clone(), both(key))).collect();
        Ok(Self { signing_kid: signing, keys })
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
