//! Which browser pages may read our answers. No credentials: tokens travel in a header that a page
//! sets itself, so an allowed origin gains nothing from cookies.

use lambda_http::http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
    },
};

use super::{Request, reply::Answer};
use crate::config::{Cors, Origins, is_loopback_origin};

/// The request headers that the API reads and that a page must be allowed to send.
const ALLOWED: &str = "authorization, content-type, idempotency-key";

/// Answers OPTIONS, which never reaches a handler.
pub(in crate::interfaces) fn preflight(cors: &Cors, request: &Request) -> Option<Answer> {
    (request.method() == Method::OPTIONS).then(|| {
        let mut answer = Response::new(String::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        // All that any route has: which one exists is not the browser's concern.
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS"),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed(ALLOWED, cors));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        answer
    })
}

/// Returns these headers and those of the configuration, as a preflight lists them.
pub(in crate::interfaces) fn allowed(own: &'static str, cors: &Cors) -> HeaderValue {
    let names = cors.allow_headers.iter().fold(own.to_owned(), |names, name| names + ", " + name);
    // The configuration has checked the names; without them the list is still right.
    HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static(own))
}

/// What every answer to this request carries: the origin, if it is on the list letter by letter.
pub(in crate::interfaces) fn headers(cors: &Cors, request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let allowed = match &cors.origins {
        Origins::Any => Some(HeaderValue::from_static("*")),
        Origins::Only { listed, loopback } => {
            // Caches must keep the answers to different origins apart, refused ones included.
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
