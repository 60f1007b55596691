//! RPC through API Gateway (REST): Connect and gRPC-Web, one message in and one out.
//!
//! A function is `serve(app, methods)`; a handler takes the `App`, the message and whoever may call
//! it (see [`Admission`](super::http::Admission)), and returns a message or an error. It knows
//! neither the protocol nor its codes. The messages are generated from `protos/`.
//!
//! Why a codec of our own: [decision 0040](../../../../docs/decisions/0040-connect-and-grpc-web-on-prost.md).

mod any;
mod code;
mod dialect;
mod methods;
mod refusal;
mod serve;
mod web;

pub use any::Any;
pub use methods::Methods;
pub use serve::{answer, serve};

pub use super::runtime::RuntimeError;
