//! Messages through SQS triggers, and through Kafka's.
//!
//! A function is `serve(app, SOURCE, handler)`; a handler takes the `App` and some [`Record`]s, and
//! its error makes them, and no others, come again. For Kafka it is `serve_kafka`.

mod batch;
pub mod events;
mod kafka;
mod refusal;
mod run;
mod serve;

pub use batch::{BatchResponse, Record};
pub use kafka::{KafkaResponse, Place, Stopped, answer_kafka, serve_kafka};
pub use serve::{Source, answer, serve};

pub use super::runtime::RuntimeError;
