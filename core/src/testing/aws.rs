//! The functions' own AWS clients, for tests that look into the emulator's queues and secrets.

use aws_types::SdkConfig;

use super::setting;
use crate::{config::AwsConfig, domain::mask::Secret, infrastructure::aws};

/// What a service's client is made from, for the emulator that `cargo xtask test` has started.
pub fn aws() -> SdkConfig {
    aws::sdk_config(&AwsConfig {
        region: setting("AWS_REGION"),
        endpoint_url: Some(setting("AWS_ENDPOINT_URL")),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test".into()),
        session_token: None,
    })
    .expect("the embedded roots are good")
}
