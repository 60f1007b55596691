//! Measurements that need an idle machine: one test at a time, in a separate binary.

mod enumeration;
mod hashing;

use test_support::endpoints as support;
use tokio::sync::Mutex;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::const_new(());
