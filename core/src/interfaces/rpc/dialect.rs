//! The protocol of a client, which its `Content-Type` names: framing and format of the message. The response
//! uses the same protocol.

use std::time::Duration;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use lambda_http::{
    Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    status::{RpcError, Status},
    web,
};
use crate::{
    domain::{Error, Part, Result},
    interfaces::gateway::{MAX_BODY_BYTES, Request, is_damaged, parse_json},
};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    framing: Framing,
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// The body is the message.
    Connect,
    Web,
    /// Like `Web`, but in base64, for old browsers.
    WebText,
}

/// The format of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Proto,
    Json,
}

impl Dialect {
    /// The fallback for clients whose content type is unknown.
    pub(super) const COMMON: Self = Self { framing: Framing::Connect, format: Format::Json };

    pub(super) fn of(content_type: &str) -> Option<Self> {
        use {Format::*, Framing::*};
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (framing, format) = match kind.as_str() {
            "application/json" => (Connect, Json),
            "application/proto" => (Connect, Proto),
            "application/grpc-web" | "application/grpc-web+proto" => (Web, Proto),
            "application/grpc-web+json" => (Web, Json),
            "application/grpc-web-text" | "application/grpc-web-text+proto" => (WebText, Proto),
            _ => return None,
        };
        Some(Self { framing, format })
    }

    fn content_type(self) -> &'static str {
        match (self.framing, self.format) {
            (Framing::Connect, Format::Json) => "application/json",
            (Framing::Connect, Format::Proto) => "application/proto",
            (Framing::Web, Format::Json) => "application/grpc-web+json",
            (Framing::Web, Format::Proto) => "application/grpc-web+proto",
            (Framing::WebText, _) => "application/grpc-web-text+proto",
        }
    }

    /// Whether a response is binary.
    pub(super) fn is_binary(self) -> bool {
        match self.framing {
            Framing::Connect => self.format == Format::Proto,
            Framing::Web => true,
            Framing::WebText => false,
        }
    }

    /// Returns the names of two headers: the compression of the message, and the client's timeout.
    fn headers(self) -> (&'static str, &'static str) {
        match self.framing {
            Framing::Connect => ("content-encoding", "connect-timeout-ms"),
            Framing::Web | Framing::WebText => ("grpc-encoding", "grpc-timeout"),
        }
    }

    /// Returns the client's timeout, if it sent one.
    ///
    /// # Errors
    /// `Malformed` if it is not a duration.
    pub(super) fn patience(self, request: &Request) -> Result<Option<Duration>> {
        let Some(text) = request.header(self.headers().1) else { return Ok(None) };
        let milliseconds = |text: &str| text.parse().ok().map(Duration::from_millis);
        let patience = if self.framing == Framing::Connect { milliseconds(text) } else { with_unit(text) };
        patience
            .filter(|_| text.len() <= 10)
            .map(Some)
            .ok_or_else(|| Error::Malformed(format!("{} must be a duration", self.headers().1).into()))
    }

    /// Returns the message of the request, still encoded in `format`.
    pub(super) fn message(self, request: &Request) -> Result<Vec<u8>, RpcError> {
        let encoding = request.header(self.headers().0);
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(RpcError::compressed());
        }
        // A binary message arrived as text, so API Gateway has replaced some of its bytes.
        if self.is_binary() && request.is_text() && is_damaged(request.body()) {
            return Err(Error::Malformed("the message must be sent as binary".into()).into());
        }
        match self.framing {
            Framing::Connect => Ok(request.body().to_vec()),
            Framing::Web => web::unframe(request.body()).map(<[u8]>::to_vec),
            Framing::WebText => {
                let frames = BASE64_STANDARD.decode(request.body());
                let frames = frames.map_err(|_| Error::Malformed("the body is not valid base64".into()))?;
                web::unframe(&frames).map(<[u8]>::to_vec)
            }
        }
    }

    /// Returns the response of a successful call.
    pub(super) fn respond(self, message: Vec<u8>) -> Response<Body> {
        let body = match (self.framing, self.format) {
            (Framing::Connect, Format::Proto) => Body::Binary(message),
            // serde_json wrote it, so it is text.
            (Framing::Connect, Format::Json) => Body::Text(String::from_utf8(message).unwrap_or_default()),
            (Framing::Web, _) => Body::Binary(web::frames(&message)),
            (Framing::WebText, _) => Body::Text(BASE64_STANDARD.encode(web::frames(&message))),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        response
    }

    /// Returns the response of a failed call. For gRPC-Web, the error is in the headers and there is no body, so
    /// it passes API Gateway with any `Accept` header.
    pub(super) fn refuse(self, status: &Status) -> Response<Body> {
        if self.framing == Framing::Connect {
            return self.refuse_by_body(status);
        }
        let mut response = Response::new(Body::Empty);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        trailers(&mut response, status);
        response
    }

    fn refuse_by_body(self, status: &Status) -> Response<Body> {
        let detail = |any: &super::Any| {
            json!({
                "type": any.type_url.rsplit('/').next(),
                "value": BASE64_STANDARD_NO_PAD.encode(&any.value),
            })
        };
        let details: Vec<_> = status.details.iter().map(detail).collect();
        let body = json!({ "code": status.code.name(), "message": status.message, "details": details });
        let mut response = Response::new(Body::Text(body.to_string()));
        *response.status_mut() = status.code.http();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// Returns the error for a client of native gRPC, in the only form that it may be able to read.
pub(super) fn refuse_native(status: &Status) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    trailers(&mut response, status);
    response
}

fn trailers(response: &mut Response<Body>, status: &Status) {
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(status.code.number()));
    let texts = [
        (GRPC_MESSAGE, web::percent_encoded(&status.message)),
        (GRPC_DETAILS, BASE64_STANDARD_NO_PAD.encode(status.encoded())),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

impl Format {
    /// # Errors
    /// `TooLarge`, `Malformed`, or `Validation` naming the key.
    pub(super) fn read<M: Message + Default + DeserializeOwned>(self, bytes: &[u8]) -> Result<M> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Error::TooLarge { part: Part::BodyBytes, limit: MAX_BODY_BYTES });
        }
        match self {
            // The JSON mapping has no required fields.
            Self::Json => parse_json(bytes, &[]),
            Self::Proto => M::decode(bytes).map_err(|_| {
                Error::Malformed("the message does not have the type that this method takes".into())
            }),
        }
    }

    pub(super) fn write(self, message: &(impl Message + Serialize)) -> Result<Vec<u8>> {
        match self {
            Self::Json => serde_json::to_vec(message).map_err(Error::internal),
            Self::Proto => Ok(message.encode_to_vec()),
        }
    }
}

/// Reads a duration of gRPC: up to eight digits and a unit. `100m` is a tenth of a second.
fn with_unit(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_content_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(Dialect::of(kind), Some(Dialect::COMMON), "{kind}");
        }
        for kind in
            ["", "text/plain", "application/grpc", "application/grpc+proto", "application/connect+json"]
        {
            assert_eq!(Dialect::of(kind), None, "{kind}");
        }
        let binary = |kind| Dialect::of(kind).expect("known").is_binary();
        assert!(binary("application/proto") && binary("application/grpc-web+proto"));
        assert!(!binary("application/json") && !binary("application/grpc-web-text"));
    }

    #[test]
    fn durations_of_grpc_have_a_unit() {
        assert_eq!(with_unit("5S"), Some(Duration::from_secs(5)));
        assert_eq!(with_unit("100m"), Some(Duration::from_millis(100)));
        assert_eq!(with_unit("99999999H").map(|long| long.as_secs()), Some(359_999_996_400));
        for text in ["", "S", "5", "5s", "-5S", "999999999S", "5 S", "ü"] {
            assert_eq!(with_unit(text), None, "{text}");
        }
    }
}
