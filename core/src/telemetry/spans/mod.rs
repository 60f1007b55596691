//! Spans: which part of the work on a request or a message took which time. Sampled ones leave as OTLP in UDP datagrams
//! to the daemon that Lambda runs next to the function.
//!
//! A name is made of words of the code: a route's pattern, a handler, the tables of a statement. No value of a request,
//! a row or a parameter is in a span.

mod otlp;
mod recorder;
mod sender;

pub(super) use recorder::{Open, Recorder};
#[cfg(feature = "testing")]
pub use sender::send_spans_to;
pub(super) use sender::start;

/// What a span is about, with the numbers of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A part of the work in a function.
    Internal = 1,
    /// A request or an invocation.
    Server = 2,
    /// A call that waits for a response, such as a statement.
    Client = 3,
    /// Sending messages.
    Producer = 4,
    /// Handling a message.
    Consumer = 5,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}
