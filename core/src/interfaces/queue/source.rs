//! What a queue function reads, and which service delivers it.

use crate::infrastructure::messaging::Queue;

/// The queue that a function reads, and how.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub queue: Queue,
    /// Whether the handler may get several records at once. Then all records of a first delivery are tried
    /// together. If this fails, they are tried one by one.
    pub together: bool,
}

/// The service that delivers the records. It decides what happens to a failed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Delivers a record again, counts how often, and finally moves it to a dead-letter queue.
    Sqs,
    /// Starts again at the failed record, counts nothing, and keeps the partition waiting for it.
    Kafka,
}
