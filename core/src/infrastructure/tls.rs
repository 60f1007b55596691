//! TLS towards servers whose roots we name.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring::kx_group},
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::domain::{Error, Result};

/// The roots that sign Amazon's certificates (PEM). They are embedded because reading the system's store
/// costs several milliseconds of processor time at each cold start.
pub(super) const AMAZON_ROOTS: &[u8] = include_bytes!("../../certs/amazon-roots.pem");

/// For a server whose certificate is signed by these roots (PEM), or else by Amazon's. `key` is the
/// setting that has brought them.
///
/// # Errors
/// `Configuration` when they cannot be used.
pub(super) fn by_roots_or_amazon(pem: Option<&str>, key: &str) -> Result<Arc<ClientConfig>> {
    let config = match pem {
        Some(pem) => client_config(pem.as_bytes())
            .map_err(|why| Error::Configuration(format!("{key} is invalid: {why}"))),
        None => client_config(AMAZON_ROOTS).map_err(Error::internal),
    };
    config.map(Arc::new)
}

/// Certificate and host name are both verified, against these roots (PEM) only.
///
/// # Errors
/// What is wrong with the roots.
pub(super) fn client_config(pem: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it contains no certificate".to_owned());
    }
    by_roots(roots)
}

/// Returns TLS that no certificate satisfies, for a connection that uses none.
///
/// # Errors
/// What the library says.
pub(super) fn trusting_nobody() -> Result<ClientConfig, String> {
    by_roots(RootCertStore::empty())
}

fn by_roots(roots: RootCertStore) -> Result<ClientConfig, String> {
    let versions =
        ClientConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions();
    let config = versions.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Returns ring's provider with P-256 as the first group. A client sends a key share of its first group only.
/// Postgres up to 17 accepts only P-256 by default, so another first group costs each connection a round
/// trip. Other servers accept P-256 as well as X25519.
fn provider() -> CryptoProvider {
    let ring = rustls::crypto::ring::default_provider();
    CryptoProvider { kx_groups: vec![kx_group::SECP256R1, kx_group::X25519, kx_group::SECP384R1], ..ring }
}
