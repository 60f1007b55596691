//! Events queue: hands each event to its handlers. events-consumer-kafka does the same with records of Kafka,
//! so the code is in the core.

pub use app_core::interfaces::queue::events::{SOURCE, handler};
