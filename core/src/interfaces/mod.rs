//! The interfaces: HTTP and RPC through API Gateway, messages through SQS and Kafka triggers, and direct
//! invocations. Only this layer knows status codes, batch failures and the Lambda runtime.

pub mod access;
pub mod gateway;
pub mod http;
pub mod invocation;
pub mod queue;
pub mod relay;
pub mod rpc;
mod runtime;
mod workers;
