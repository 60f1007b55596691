//! Domain events: something that happened, as a plain struct in `domain/<x>/events.rs`.

use serde::{Serialize, de::DeserializeOwned};

pub trait Event: Serialize + DeserializeOwned + Send {
    /// The name on the wire, in snake case and the past tense.
    const NAME: &'static str;
    /// Raised when the data changes in a way that an older reader would misread.
    const VERSION: i32 = 1;

    /// Events of one group leave in the order of their commits, each after the one before it has
    /// left; a busy group waits for its slowest writer. Only a FIFO queue keeps that order on the
    /// way to the reader. None: in any order, and at once.
    fn group(&self) -> Option<String> {
        None
    }
}
