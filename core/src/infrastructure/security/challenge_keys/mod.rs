//! Computes the secrets of challenges from their rows. No secret is stored.

use std::{collections::HashMap, fmt};

use ring::hmac;

use super::key_set::KeySet;
use crate::domain::{
    Error, Result,
    auth::{
        RandomId,
        challenge::{Challenge, Code, Kind, LinkToken},
    },
    mask::Secret,
};

/// The keys of [`Need::Challenges`](crate::Need). Each row names the key that its secret is computed with.
pub struct ChallengeKeys {
    signing_kid: String,
    keys: HashMap<String, hmac::Key>,
}

impl ChallengeKeys {
    /// # Errors
    /// `Configuration` when the text has neither of the two shapes of [`KeySet`], or a key is too short.
    pub fn new(text: &str) -> Result<Self> {
        let KeySet { signing, keys } = KeySet::parse("CHALLENGE_KEYS", text)?;
        let key = |bytes: &Vec<u8>| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        Ok(Self {
            signing_kid: signing,
            keys: keys.iter().map(|(kid, bytes)| (kid.clone(), key(bytes))).collect(),
        })
    }

    /// Returns the name of the key for secrets that are computed for the first time.
    pub fn kid(&self) -> &str {
        &self.signing_kid
    }

    /// Returns the token of the link of a challenge.
    ///
    /// # Errors
    /// `Unavailable` when the key of the row is not known here: another instance has newer ones.
    pub fn link(&self, challenge: &Challenge) -> Result<LinkToken> {
        let secret = self.bytes(challenge, Kind::Link)?;
        let mut half = [0; 16];
        half.copy_from_slice(&secret.as_ref()[..16]);
        let secret = Secret::new(RandomId::from_bits(u128::from_be_bytes(half)));
        Ok(LinkToken { id: challenge.id, secret })
    }

    /// Returns the code of a challenge.
    ///
    /// # Errors
    /// As [`Self::link`].
    pub fn code(&self, challenge: &Challenge, kind: Kind) -> Result<Code> {
        let secret = self.bytes(challenge, kind)?;
        let mut quarter = [0; 8];
        quarter.copy_from_slice(&secret.as_ref()[..8]);
        Ok(Code::from_bits(kind, u64::from_be_bytes(quarter)))
    }

    /// Returns whether a link's token is the one of this challenge. Compares in constant time.
    ///
    /// # Errors
    /// As [`Self::link`]. The secret of a row without a key has never been computed, so nobody has it.
    pub fn is_link(&self, challenge: &Challenge, token: &LinkToken) -> Result<bool> {
        if challenge.kid.is_none() {
            return Ok(false);
        }
        let right = self.link(challenge)?;
        Ok(equal(right.secret.expose().as_str(), token.secret.expose().as_str()))
    }

    /// Returns whether a code is the one of this challenge. Compares in constant time.
    ///
    /// # Errors
    /// As [`Self::is_link`].
    pub fn is_code(&self, challenge: &Challenge, kind: Kind, code: &Code) -> Result<bool> {
        if challenge.kid.is_none() {
            return Ok(false);
        }
        Ok(equal(self.code(challenge, kind)?.expose(), code.expose()))
    }

    fn bytes(&self, challenge: &Challenge, kind: Kind) -> Result<hmac::Tag> {
        let kid = challenge.kid.as_deref().ok_or_else(|| Error::internal("the challenge has no key yet"))?;
        let key = self.keys.get(kid).ok_or_else(|| {
            Error::unavailable("challenge keys", "the challenge was made with a key that is not known here")
        })?;
        let (user, epoch) = challenge
            .owner
            .map(|owner| (owner.user.into_bytes().to_vec(), owner.epoch.to_be_bytes().to_vec()))
            .unwrap_or_default();
        let parts: [&[u8]; 6] = [
            challenge.purpose.as_str().as_bytes(),
            kind.as_str().as_bytes(),
            challenge.id.as_bytes(),
            &user,
            challenge.subject.as_deref().unwrap_or_default().as_bytes(),
            &epoch,
        ];
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            // Lengths, so that no two lists of parts run together to the same bytes.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Ok(context.sign())
    }
}

/// Compares without stopping at the first difference. The lengths are no secret.
fn equal(right: &str, given: &str) -> bool {
    let differences = right.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    right.len() == given.len() && std::hint::black_box(differences) == 0
}

impl fmt::Debug for ChallengeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeKeys").field("signing_kid", &self.signing_kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
