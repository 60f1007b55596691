//! What can only be measured with nothing else going on: one test at a time, in a binary of its own.

mod enumeration;
mod hashing;
#[path = "../api/process.rs"]
mod process;
#[path = "../api/support.rs"]
#[expect(dead_code, reason = "the endpoints' tests use all of it")]
mod support;

use tokio::sync::Mutex;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::const_new(());
