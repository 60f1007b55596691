//! RPC through API Gateway (REST): Connect and gRPC-Web, with one message per request and response.
//!
//! A function is `main(needs, methods)`. A handler takes the `App`, the message and its caller (see
//! [`Admission`](super::access::Admission)), and returns a message or an error. It does not know the protocol or
//! its codes. The messages are generated from `protos/`.
//!
//! For the reason of our own codec, see [decision 0040](../../../../docs/decisions/0040-connect-and-grpc-web-on-prost.md).

mod any;
mod code;
mod dialect;
mod methods;
mod serve;
mod status;
mod web;

pub use any::Any;
pub use methods::Methods;
pub use serve::{main, respond};

pub use super::runtime::{Invocation, RuntimeError};
