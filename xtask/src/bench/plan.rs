//! The plan of a benchmark.

use std::path::PathBuf;

/// How much a benchmark measures.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Cold starts of each function.
    pub starts: usize,
    /// Warm requests of each function; 0 for none.
    pub requests: usize,
    /// Warm requests of each function that computes the hash of a password.
    pub hashes: usize,
    /// Only these functions. If empty: all functions that have a case.
    pub only: Vec<String>,
    /// The folder with the binaries of an earlier build, which are measured too.
    pub before: Option<PathBuf>,
}
