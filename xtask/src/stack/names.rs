//! The names of the stacks, and where each keeps its files.

use std::path::{Path, PathBuf};

/// The stack a developer works with.
pub const DEV: &str = "dev";
/// The stack of one run of the tests.
pub const TEST: &str = "test";
/// The database of one run of the benchmarks.
pub const BENCH: &str = "bench";
/// The database of one run of `fuzz api`.
pub const FUZZ: &str = "fuzz";
/// The database of one run of the mutants.
pub const MUTANTS: &str = "mutants";
/// The region the emulator says it is.
pub const REGION: &str = "us-east-1";

/// Where the binaries that a stack runs are.
#[must_use]
pub fn bin_dir(folder: &Path) -> PathBuf {
    folder.join("bin")
}

/// Returns the file that collects the output of the functions.
#[must_use]
pub fn functions_log(folder: &Path) -> PathBuf {
    folder.join("functions.log")
}
