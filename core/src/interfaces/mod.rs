//! The doors: HTTP and RPC through API Gateway, messages through SQS triggers, jobs that are invoked
//! directly. The only layer that knows status codes, batch failures and the Lambda runtime.

pub mod http;
pub mod job;
pub mod queue;
pub mod relay;
pub mod rpc;
mod runtime;
