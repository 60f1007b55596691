//! Domain events: something that happened, as a plain struct in `domain/<x>/events.rs`.

use serde::{Serialize, de::DeserializeOwned};

pub trait Event: Serialize + DeserializeOwned + Send {
    /// The name on the wire, in snake case and the past tense.
    const NAME: &'static str;
    /// Raised when the data changes in a way that an older reader would misread.
    const VERSION: i32 = 1;

    /// Returns the group of the event. Events of one group are sent in the order of their commits, each after
    /// the previous one was sent. A busy group waits for its slowest writer. Only a FIFO queue keeps that
    /// order on the way to the reader. Without a group, events are sent at once and in any order.
    fn group(&self) -> Option<String> {
        None
    }
}
