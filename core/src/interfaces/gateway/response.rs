//! What every response through API Gateway has, and the form that the gateway expects.

use std::time::Duration;

use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayProxyResponse,
    http::{HeaderName, HeaderValue, Response, header},
};

/// A complete response: status, headers, text.
pub(in crate::interfaces) type TextResponse = Response<String>;

/// Reserved to send a 503 before Lambda ends the process. Otherwise a slow request would get API Gateway's
/// response and no log line.
pub(in crate::interfaces) const RESERVE: Duration = Duration::from_millis(300);

/// The headers of every response. `cargo xtask template` writes them into the responses of API Gateway, too.
/// The API serves no web pages, so browsers must not frame it, run scripts in it, guess content types or
/// cache it.
pub const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        // `default-src` does not cover the other three.
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

pub(in crate::interfaces) fn to_gateway(
    response: Response<impl Into<Body>>,
    id: &str,
) -> ApiGatewayProxyResponse {
    let (mut parts, body) = response.into_parts();
    for (name, value) in SECURITY_HEADERS {
        parts.headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        parts.headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(parts.status.as_u16());
    // Only `multi_value_headers`: API Gateway would send a header twice that is in `headers` as well.
    response.multi_value_headers = parts.headers;
    let body = body.into();
    response.is_base64_encoded = matches!(body, Body::Binary(_));
    response.body = (!body.is_empty()).then_some(body);
    response
}
