//! Events queue: passes each event to its event handlers. `events-consumer-kafka` does the same with records
//! of Kafka, so the code is in the core.

pub use app_core::interfaces::queue::events::{SOURCE, handler};
