//! AWS Signature Version 4, for what no client of the SDK sends.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningSettings, sign,
    },
    sign::v4,
};

use crate::{
    config::AwsConfig,
    domain::{Error, Result},
};

/// Signs a request for a service with the credentials of this process.
pub(crate) fn signed(
    aws: &AwsConfig,
    service: &str,
    request: SignableRequest<'_>,
    settings: SigningSettings,
    now: SystemTime,
) -> Result<SigningInstructions> {
    let identity = credentials(aws).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&aws.region)
        .name(service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(Error::internal)?
        .into();
    Ok(sign(request, &params).map_err(Error::internal)?.into_parts().0)
}

/// Returns a GET of this URL, which has a query already, with a signature that is good for some time.
pub(crate) fn presigned(
    aws: &AwsConfig,
    service: &str,
    url: &str,
    now: SystemTime,
    good_for: Duration,
) -> Result<String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(good_for);
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(b""));
    let instructions = signed(aws, service, request.map_err(Error::internal)?, settings, now)?;
    let mut signed = url.to_owned();
    for (name, value) in instructions.params() {
        signed += &format!("&{name}={}", percent_encoded(value));
    }
    Ok(signed)
}

/// Lambda renews the environment with the sandbox: nothing here expires.
pub(super) fn credentials(aws: &AwsConfig) -> Credentials {
    let token = aws.session_token.as_ref().map(|token| token.expose().clone());
    Credentials::new(&aws.access_key_id, aws.secret_access_key.expose(), token, None, "environment")
}

/// Encodes a value for a form or a query, byte by byte.
pub(crate) fn percent_encoded(value: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(one).collect()
}
