//! What all AWS clients share: one HTTP client, credentials from the environment, short timeouts.

use std::{sync::OnceLock, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::{Region, SharedHttpClient, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use crate::{config::AwsConfig, domain::Result};

/// Embedded: reading the system's store costs several milliseconds of CPU a cold start.
const TRUST_ROOTS: &[u8] = include_bytes!("../../certs/amazon-roots.pem");

/// What the service clients are built from.
pub(super) struct Parts {
    pub(super) http: SharedHttpClient,
    pub(super) region: Region,
    pub(super) endpoint: Option<String>,
    pub(super) credentials: Credentials,
    pub(super) timeouts: TimeoutConfig,
    pub(super) retries: RetryConfig,
}

impl Parts {
    /// # Errors
    /// `Internal` when the embedded roots cannot be used.
    pub(super) fn new(config: &AwsConfig) -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            region: Region::new(config.region.clone()),
            endpoint: config.endpoint_url.clone(),
            // Lambda renews the environment with the sandbox: nothing here expires.
            credentials: Credentials::new(
                &config.access_key_id,
                config.secret_access_key.expose(),
                config.session_token.as_ref().map(|token| token.expose().clone()),
                None,
                "environment",
            ),
            timeouts: TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(Duration::from_secs(2))
                .operation_timeout(Duration::from_secs(5))
                .build(),
            retries: RetryConfig::standard().with_max_attempts(2),
        })
    }
}

/// One connection pool for all services of this process.
fn http_client() -> Result<SharedHttpClient> {
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let roots = TrustStore::empty().with_pem_certificate(TRUST_ROOTS);
    let context =
        TlsContext::builder().with_trust_store(roots).build().map_err(crate::domain::Error::internal)?;
    let client =
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https();
    Ok(CLIENT.get_or_init(|| client).clone())
}
