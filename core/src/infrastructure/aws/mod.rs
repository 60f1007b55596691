//! What all AWS clients share: one HTTP client, credentials from the environment, short timeouts.

mod http;
mod signature;

pub(crate) use http::{Https, connector};
pub(crate) use signature::{percent_encoded, presigned, signed};

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::{
    SdkConfig,
    region::Region,
    sdk_config::{RetryConfig, TimeoutConfig},
};

use crate::{config::AwsConfig, domain::Result};

/// What a service's client is made from: `Client::new(&sdk_config(…)?)`.
///
/// # Errors
/// `Internal` when the embedded roots cannot be used.
pub(crate) fn sdk_config(config: &AwsConfig) -> Result<SdkConfig> {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http::client()?)
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(signature::credentials(config)))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2));
    builder.set_endpoint_url(config.endpoint_url.clone());
    Ok(builder.build())
}
