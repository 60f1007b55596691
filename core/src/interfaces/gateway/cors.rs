//! CORS: which web pages may read our responses. Credentials are not allowed. Tokens are sent in a header that
//! the page sets, so cookies are not needed.

use lambda_http::http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
    },
};

use super::{Request, response::TextResponse};
use crate::config::{Cors, Origins, is_loopback_origin};

/// The request headers that the API reads, which a page must be allowed to send.
const ALLOWED: &str = "authorization, content-type, idempotency-key";

/// Returns the response to OPTIONS, which never reaches a handler.
pub(in crate::interfaces) fn preflight(cors: &Cors, request: &Request) -> Option<TextResponse> {
    (request.method() == Method::OPTIONS).then(|| {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        // The methods of all routes. The browser does not need to know which route has which methods.
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS"),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed(ALLOWED, cors));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        response
    })
}

/// Returns these headers and those of the configuration, in the form of a preflight response.
pub(in crate::interfaces) fn allowed(own: &'static str, cors: &Cors) -> HeaderValue {
    let names = cors.allow_headers.iter().fold(own.to_owned(), |names, name| names + ", " + name);
    // The configuration has checked the names. Without them the list is still valid.
    HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static(own))
}

/// Returns the CORS headers of every response to this request: the origin, if the list has exactly this one.
pub(in crate::interfaces) fn headers(cors: &Cors, request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let allowed = match &cors.origins {
        Origins::Any => Some(HeaderValue::from_static("*")),
        Origins::Only { listed, loopback } => {
            // Caches must store responses for each origin separately, also for refused origins.
            headers.insert(VARY, HeaderValue::from_static("origin"));
            let origin = request.header("origin").filter(|origin| {
                listed.iter().any(|known| known == origin) || *loopback && is_loopback_origin(origin)
            });
            origin.and_then(|origin| HeaderValue::from_str(origin).ok())
        }
    };
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    headers
}

const EXPOSED: HeaderValue = HeaderValue::from_static("idempotency-replayed, retry-after, x-request-id");
