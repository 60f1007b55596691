//! Traces that the local stack has received: reading them, and drawing them as text and as a page.

mod otlp;
pub mod page;
mod store;
pub mod text;
mod tree;

pub use otlp::spans;
pub use store::{Follower, Stored, read};
pub use tree::{Row, Trace, traces};

use std::collections::BTreeMap;

/// What a span is about, with the numbers of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A part of the work in a function.
    Internal = 1,
    /// A request, or an invocation.
    Server = 2,
    /// A statement, or another call that waits for a response.
    Client = 3,
    /// Sending messages.
    Producer = 4,
    /// Handling messages.
    Consumer = 5,
}

impl From<i32> for Kind {
    fn from(number: i32) -> Self {
        match number {
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Internal,
        }
    }
}

/// A span, as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// The same of the parent, or empty.
    pub parent: String,
    /// The function that it ran in.
    pub function: String,
    pub name: String,
    pub kind: Kind,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    pub end_ns: u64,
    pub attributes: BTreeMap<String, String>,
    pub failed: bool,
}

impl Span {
    /// Returns how long it took, in milliseconds.
    #[must_use]
    pub fn took_ms(&self) -> f64 {
        milliseconds(self.end_ns.saturating_sub(self.start_ns))
    }
}

/// Returns nanoseconds as milliseconds.
#[must_use]
pub fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// Returns the time of day in UTC, as the logs show it.
#[must_use]
pub fn clock(nanoseconds: u64) -> String {
    crate::logs::clock(nanoseconds / 1_000_000)
}
