//! Events from a topic of Kafka: hands each to its handlers, as events-consumer does with those of the queue.
//! Only how a batch comes in and what is reported back differ (`interfaces/queue/kafka.rs`).

pub use app_core::interfaces::queue::events::{SOURCE, handler};
