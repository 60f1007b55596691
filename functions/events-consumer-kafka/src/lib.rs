//! Events from a Kafka topic: passes each event to its event handlers, as `events-consumer` does for the
//! queue. Only the form of a batch and of its result differ (`interfaces/queue/kafka.rs`).

pub use app_core::interfaces::queue::events::{SOURCE, handler};
