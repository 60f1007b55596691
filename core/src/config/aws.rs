//! Who we are to AWS, and where it is.

use super::reader::Reader;
use crate::domain::mask::Secret;

/// What Lambda puts into the environment, and the endpoint of an emulator.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    pub region: String,
    pub endpoint_url: Option<String>,
    pub access_key_id: String,
    pub secret_access_key: Secret<String>,
    pub session_token: Option<Secret<String>>,
}

pub(super) fn read(env: &mut Reader<'_>, prod: bool) -> AwsConfig {
    AwsConfig {
        region: env.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".into()),
        endpoint_url: read_endpoint(env, prod),
        access_key_id: env.optional("AWS_ACCESS_KEY_ID").unwrap_or_default(),
        secret_access_key: Secret::new(env.optional("AWS_SECRET_ACCESS_KEY").unwrap_or_default()),
        session_token: env.optional("AWS_SESSION_TOKEN").map(Secret::new),
    }
}

/// Reads where calls to AWS go. They carry the passwords of the database and of the mail server.
fn read_endpoint(env: &mut Reader<'_>, prod: bool) -> Option<String> {
    const KEY: &str = "AWS_ENDPOINT_URL";
    let url = env.optional(KEY)?;
    let encrypted = url.strip_prefix("https://").is_some_and(|host| !host.is_empty());
    if prod && !encrypted {
        env.wrong(KEY, "must begin with https:// in PROD; leave it empty on AWS");
    } else if !encrypted && !url.starts_with("http://") {
        env.wrong(KEY, "must be the URL of an emulator, as in http://localhost:4566");
    }
    Some(url)
}
