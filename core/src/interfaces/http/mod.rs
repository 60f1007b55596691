//! HTTP through API Gateway (REST).
//!
//! A function is `main(needs, handler)`. A handler takes the `App`, the [`Request`] and its caller (see
//! [`Admission`]), and returns something that becomes a response ([`IntoResponse`]), or an error. It knows no status codes except its success.

mod access;
mod caller;
pub(super) mod cors;
mod error;
mod gateway;
mod idempotent;
mod into_response;
mod json_body;
pub mod openapi;
mod query;
mod request;
mod responses;
mod serve;
mod size;
mod storable;
pub mod texts;

pub use access::{
    Access, Admission, ApiKeysWrite, AuditRead, DebugSend, Public, RefreshToken, Right, SessionToken,
    SignedIn, UsersRead, UsersWrite,
};
pub use caller::{Caller, KeyOrCaller};
pub use error::{ErrorBody, ErrorDetail};
pub use idempotent::{Idempotent, IdempotentResponse};
pub use into_response::{IntoResponse, Json, NoContent, WithStatus};
pub use json_body::{Body, MAX_BODY_BYTES, MAX_BODY_LEVELS, ValidFields};
pub use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode, header};
pub use query::{Allowed, ListQuery, Listed, Spell};
pub use request::Request;
pub use responses::{ListResponse, TokensResponse, UserResponse};
pub use serve::{SECURITY_HEADERS, main, respond};
pub use size::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES, MAX_QUERY_PARAMETERS};
pub use storable::Storable;

pub use super::runtime::RuntimeError;

// RPC, the other interface behind API Gateway, uses these too.
pub(super) use error::{Report, report, report_refused, wait_of};
pub(super) use json_body::{is_damaged, parse as parse_json};
pub(super) use serve::{RESERVE, to_gateway};
