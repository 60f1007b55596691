//! What several test suites use. What only one of them uses lies in its own folder.
//!
//! - [`endpoints`]: calls an endpoint's handler and reads its response; [`process`] runs a function's program.
//! - [`captured`]: the log lines that a test writes.
//! - [`spans`]: what holds for the spans of every trace.
//! - [`verifier`]: what a client keeps that asks for a code or a link.
//! - [`wire`]: real functions between proxies, for the crash sweep and the drills.
//! - [`pattern`]: which log lines a metric filter of the template counts.
//! - [`kafka`]: a real broker, with a proxy before it and a bridge behind it.
//! - [`tls`]: a certificate for a test server on loopback.
//! - [`targets`]: what is fuzzed, for the suite and for libFuzzer.
#![expect(missing_debug_implementations, reason = "a failed test prints values, not these helpers")]

pub mod aws;
pub mod captured;
pub mod endpoints;
pub mod kafka;
pub mod pattern;
pub mod process;
pub mod spans;
pub mod targets;
pub mod tls;
pub mod verifier;
pub mod wire;
