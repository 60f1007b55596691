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
use crate::config::Cors;

/// Answers OPTIONS, which never reaches a handler.
pub(in crate::interfaces) fn preflight(request: &Request) -> Option<Answer> {
    (request.method() == Method::OPTIONS).then(|| {
        let mut answer = Response::new(String::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        // All that any route has: which one exists is not the browser's concern.
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS"),
        );
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, idempotency-key"),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        answer
    })
}

/// What every answer to this request carries: the origin, if it is on the list letter by letter.
pub(in crate::interfaces) fn headers(cors: &Cors, request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let allowed = match cors {
        Cors::Any => Some(HeaderValue::from_static("*")),
        Cors::Only(origins) => {
            // Caches must keep the answers to different origins apart, refused ones included.
            headers.insert(VARY, HeaderValue::from_static("origin"));
            let origin = request.header("origin").filter(|origin| origins.iter().any(|o| o == origin));
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
