//! What can only be measured with nothing else going on: one test at a time, in a binary of its own.

mod enumeration;
mod hashing;

use test_support::endpoints as support;
use tokio::sync::Mutex;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::const_new(());
