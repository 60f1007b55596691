//! HTTP through API Gateway (REST).
//!
//! A function is `main(needs, handler)`. A handler takes the `App`, the [`Request`] and its caller (see
//! [`Admission`]), and returns something that becomes a response ([`IntoResponse`]), or an error. It knows no status
//! codes except its success.

mod error;
mod handler;
mod idempotent;
mod into_response;
pub mod openapi;
mod query;
mod responses;
mod serve;
mod storable;

pub use error::{ErrorBody, ErrorDetail};
pub use handler::Handler;
pub use idempotent::{Idempotent, IdempotentResponse};
pub use into_response::{IntoResponse, Json, NoContent, WithStatus};
pub use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode, header};
pub use query::{Allowed, ListQuery, Listed, Spell};
pub use responses::*;
pub use serve::{main, respond};
pub use storable::Storable;

pub use super::{
    access::{Access, Admission, Anyone, Caller, KeyOrCaller, Public, RefreshToken, SessionToken},
    gateway::{
        Body, MAX_BODY_BYTES, MAX_BODY_LEVELS, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES,
        MAX_QUERY_PARAMETERS, Request, SECURITY_HEADERS, ValidFields, texts,
    },
    runtime::{Invocation, RuntimeError},
};
pub use crate::domain::auth::{Recent, Right, SignedIn, rights::*};
