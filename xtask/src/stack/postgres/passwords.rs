//! The passwords of a server's roles.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::checkout::{private_file, random_hex};

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct Passwords {
    pub(super) postgres: String,
    pub(super) migrator: String,
    pub(super) app: String,
    pub(super) operations: String,
}

/// Reads the passwords, and makes the missing ones. Also returns whether the administrator's is new: then no
/// data that exists knows it.
pub(super) fn passwords(path: &Path) -> Result<(Passwords, bool)> {
    let known = fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut passwords: Passwords = known.unwrap_or_default();
    let is_new = passwords.postgres.is_empty();
    let Passwords { postgres, migrator, app, operations } = &mut passwords;
    for password in [postgres, migrator, app, operations] {
        // A file of an earlier version may lack one. The others stay: the data on disk knows them.
        if password.is_empty() {
            *password = random_hex(16)?;
        }
    }
    private_file(path, &serde_json::to_string(&passwords)?)?;
    Ok((passwords, is_new))
}
