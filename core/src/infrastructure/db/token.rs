//! The token that RDS takes in the place of a password: a signed URL, which is never called.

use std::time::{Duration, SystemTime};

use crate::{
    config::AwsConfig,
    domain::Result,
    infrastructure::aws::{percent_encoded, presigned},
};

/// RDS refuses a token that is older, or says that it may be.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// Returns a token for a login at this server. It is signed for each connection: that takes some microseconds, and a
/// connection a thousand times as long (decision 0125).
pub fn database_token(aws: &AwsConfig, host: &str, port: u16, user: &str, now: SystemTime) -> Result<String> {
    let url = format!("https://{host}:{port}/?Action=connect&DBUser={}", percent_encoded(user));
    let signed = presigned(aws, "rds-db", &url, now, GOOD_FOR)?;
    Ok(signed.trim_start_matches("https://").to_owned())
}
