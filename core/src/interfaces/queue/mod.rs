//! Messages through SQS triggers.
//!
//! A function is `serve(app, SOURCE, handler)`; a handler takes the `App` and some [`Record`]s, and
//! its error makes them, and no others, come again.

mod batch;
mod refusal;
mod run;
mod serve;

pub use batch::{BatchResponse, Record};
pub use serve::{Source, answer, serve};

pub use super::runtime::RuntimeError;
