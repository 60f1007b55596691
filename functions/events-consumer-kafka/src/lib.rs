//! Events from a topic of Kafka: what `events-consumer` does with those of the queue, record by record the
//! same. Only how a batch comes in and what is answered differ (`interfaces/queue/kafka.rs`).

pub use events_consumer::{SOURCE, handler};
