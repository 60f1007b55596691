//! What API Gateway sends without calling a function: the texts and headers of the functions' own responses.
//!
//! The gateway's templates can only substitute variables, so `error_id` is the request's id.

use app_core::interfaces::http::{
    HeaderName, HeaderValue, SECURITY_HEADERS,
    texts::{ErrorText, GATEWAY_TEXTS, GatewayText, RPC_GATEWAY_TEXTS},
};
use serde_json::{Value, json};

/// Returns the responses of the REST API, in the error envelope.
pub(super) fn envelope() -> String {
    responses(&GATEWAY_TEXTS, |text| {
        format!(
            r#"{{"error_id":"$context.requestId","code":{},"message":{},"details":[],"request_id":"$context.requestId","traceback":null}}"#,
            json!(text.code),
            json!(text.message)
        )
    })
}

/// Returns the responses of the RPC API, as errors of Connect.
pub(super) fn connect() -> String {
    responses(&RPC_GATEWAY_TEXTS, |text| {
        format!(r#"{{"code":{},"message":{}}}"#, json!(text.code), json!(text.message))
    })
}

fn responses(texts: &[GatewayText], body: impl Fn(&ErrorText) -> String) -> String {
    let response = |stated: &GatewayText| {
        let status = stated.text.status;
        let code = if stated.sets_status {
            format!("          StatusCode: {}\n", status.as_u16())
        } else {
            String::new()
        };
        let mut headers = security_headers();
        headers.push("X-Request-Id: context.requestId".to_owned());
        if status.as_u16() == 401 {
            headers.push(header("WWW-Authenticate", "Bearer"));
        }
        if let Some(seconds) = stated.retry_after {
            headers.push(header("Retry-After", &seconds.to_string()));
        }
        format!(
            "        {}:
{code}          ResponseParameters:
            Headers: {{{}}}
          ResponseTemplates:
            application/json: '{}'
",
            stated.kind,
            headers.join(", "),
            body(&stated.text).replace('\'', "''")
        )
    };
    texts.iter().map(response).collect()
}

fn security_headers() -> Vec<String> {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    let header = |(name, value): &(HeaderName, HeaderValue)| {
        let name = name.as_str().split('-').map(word).collect::<Vec<_>>().join("-");
        header(&name, value.to_str().unwrap_or_default())
    };
    SECURITY_HEADERS.iter().map(header).collect()
}

/// Returns a header with a fixed value. The gateway takes a value in single quotes, which may have more inside.
fn header(name: &str, value: &str) -> String {
    format!("{name}: {}", Value::from(format!("'{value}'")))
}
