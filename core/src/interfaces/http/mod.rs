//! HTTP through API Gateway (REST).
//!
//! A function is `serve(app, handler)`; a handler takes the `App` and the [`Request`], returns
//! something that [`Reply`]s or an error, and knows no status codes but its own success.

mod bodies;
mod body;
mod caller;
mod cors;
mod error;
pub mod openapi;
mod query;
mod reply;
mod request;
mod serve;

pub use bodies::{TokensResponse, UserResponse};
pub use body::MAX_BODY_BYTES;
pub use caller::{Caller, bearer, caller};
pub use error::{ErrorBody, ErrorDetail};
pub use lambda_http::http::StatusCode;
pub use query::{Allowed, ListQuery};
pub use reply::{Json, NoContent, Reply, WithStatus};
pub use request::Request;
pub use serve::{answer, serve};

/// What `main` returns: printed once if the function cannot start.
pub type RuntimeError = lambda_runtime::Error;
