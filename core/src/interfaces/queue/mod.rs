//! Messages through SQS triggers.
//!
//! A function is `serve(app, handler)`; a handler takes the `App` and one [`Record`], and its
//! error makes that record, and no other, come again.

mod batch;
mod serve;

pub use batch::{BatchResponse, Record};
pub use serve::{answer, serve};

pub use super::runtime::RuntimeError;
