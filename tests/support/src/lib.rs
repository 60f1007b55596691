//! What several test suites use. What only one of them uses lies in its own folder.
//!
//! - [`endpoints`]: calls an endpoint's handler and reads its response; [`process`] runs a function's program.
//! - [`wire`]: real functions between proxies, for the crash sweep and the drills.
//! - [`kafka`]: a real broker, with a proxy before it and a bridge behind it.
//! - [`targets`]: what is fuzzed, for the suite and for libFuzzer.
#![expect(missing_debug_implementations, reason = "a failed test prints values, not these helpers")]

pub mod aws;
pub mod endpoints;
pub mod kafka;
pub mod process;
pub mod targets;
pub mod wire;
