//! HS256 for `jsonwebtoken` by ring, which is linked for TLS anyway: no second crypto stack.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    signature::{self, Signer, Verifier},
};
use ring::hmac;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        Ok(Box::new(hs256(*algorithm, key.family(), EncodingKey::as_bytes(key))?))
    },
    verifier_factory: |algorithm, key| {
        Ok(Box::new(hs256(*algorithm, key.family(), DecodingKey::try_get_as_bytes(key)?)?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Safe to call more than once.
pub(super) fn install() {
    // The error says that a provider is installed already, and there is no other than this.
    let _ = PROVIDER.install_default();
}

struct Hs256(hmac::Key);

fn hs256(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> Result<Hs256> {
    if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key)))
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// Compares in constant time.
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
