//! Keys for programs.

use time::OffsetDateTime;

use super::RandomId;
use crate::domain::mask::Secret;

/// What every key begins with: people and scanners of source code know one when they see it.
const PREFIX: &str = "apk_";

/// `apk_<id>_<secret>`: the id finds the row, the secret is shown once and stored as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: RandomId,
    pub secret: Secret<RandomId>,
}

impl ApiKey {
    /// Whether a bearer token is meant as one, good or bad.
    pub fn looks_like(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self { id: RandomId::parse(id)?, secret: Secret::new(RandomId::parse(secret)?) })
    }

    /// The whole key, for its owner's eyes.
    pub fn reveal(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}_{}", self.id, self.secret.expose()))
    }
}

/// A key as its user sees it.
#[derive(Debug)]
pub struct ListedKey {
    pub id: String,
    pub name: String,
    pub permissions: Vec<String>,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_does_not_print_its_secret() {
        let key = ApiKey { id: RandomId::from_bits(1), secret: Secret::new(RandomId::from_bits(u128::MAX)) };
        let text = key.reveal();
        assert_eq!((text.expose().len(), ApiKey::parse(text.expose())), (49, Some(key.clone())));
        assert!(!format!("{key:?}").contains(key.secret.expose().as_str()));
    }

    #[test]
    fn what_is_almost_a_key_is_none() {
        let good =
            ApiKey { id: RandomId::from_bits(1), secret: Secret::new(RandomId::from_bits(2)) }.reveal();
        let good = good.expose();
        for text in
            ["", "apk_", "apk__", &good[1..], &good[..48], &format!("{good}0"), &good.replace("apk_", "APK_")]
        {
            assert_eq!(ApiKey::parse(text), None, "{text}");
        }
    }
}
