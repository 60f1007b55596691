//! The emulator that `cargo xtask test` has started, as the AWS SDK sees it.

use app_core::testing;
use aws_types::{SdkConfig, sdk_config::TimeoutConfig};

/// What every client is made of. A test waits for a message as long as SQS does, a function does not.
pub fn config() -> SdkConfig {
    testing::aws().into_builder().timeout_config(TimeoutConfig::disabled()).build()
}

pub fn sqs() -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&config())
}
