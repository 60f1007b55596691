//! The migrations that this binary carries.

use crate::infrastructure::security::{hex, sha256};

/// One step of the schema, and the way back.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `NNNN_name`; the order of names is the order of steps.
    pub name: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

impl Migration {
    /// SHA-256 of the `up` file in hex; line ends do not count.
    pub fn checksum(&self) -> String {
        hex(&sha256(&self.up.replace("\r\n", "\n")))
    }
}

/// `migrations/` as it was when this was built.
pub fn embedded() -> &'static [Migration] {
    const MIGRATIONS: &[Migration] = &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
    MIGRATIONS
}

/// Whether a file asks to run outside of a transaction.
pub(super) fn opts_out(sql: &str) -> bool {
    sql.lines().next().is_some_and(|line| line.trim() == "-- no transaction")
}
