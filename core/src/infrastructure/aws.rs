//! What all AWS clients share: one HTTP client, credentials from the environment, short timeouts.

use std::{sync::OnceLock, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_types::{
    SdkConfig,
    region::Region,
    sdk_config::{RetryConfig, TimeoutConfig},
};

use crate::{
    config::AwsConfig,
    domain::{Error, Result},
};

/// Embedded: reading the system's store costs several milliseconds of CPU a cold start.
pub(super) const TRUST_ROOTS: &[u8] = include_bytes!("../../certs/amazon-roots.pem");

/// What a service's client is made from: `Client::new(&sdk_config(…)?)`.
///
/// # Errors
/// `Internal` when the embedded roots cannot be used.
pub(super) fn sdk_config(config: &AwsConfig) -> Result<SdkConfig> {
    // Lambda renews the environment with the sandbox: nothing here expires.
    let credentials = Credentials::new(
        &config.access_key_id,
        config.secret_access_key.expose(),
        config.session_token.as_ref().map(|token| token.expose().clone()),
        None,
        "environment",
    );
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client()?)
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2));
    builder.set_endpoint_url(config.endpoint_url.clone());
    Ok(builder.build())
}

/// One connection pool for all services of this process.
fn http_client() -> Result<SharedHttpClient> {
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let roots = TrustStore::empty().with_pem_certificate(TRUST_ROOTS);
    let context = TlsContext::builder().with_trust_store(roots).build().map_err(Error::internal)?;
    let client =
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https();
    Ok(CLIENT.get_or_init(|| client).clone())
}
