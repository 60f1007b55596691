//! Messages through SQS and Kafka triggers.
//!
//! A function is `main(needs, SOURCE, handler)`, or `main_kafka` for Kafka. A handler takes the `App` and some
//! [`Record`]s. If it returns an error, exactly these records are delivered again.

mod batch;
pub mod events;
mod failure;
mod handler;
mod kafka;
mod run;
mod serve;
mod source;

pub use batch::{BatchResponse, Record};
pub use handler::Handler;
pub use kafka::{KafkaResponse, Place, Stopped, main_kafka, respond_kafka};
pub use serve::{main, respond};
pub use source::Source;

pub use super::runtime::RuntimeError;
