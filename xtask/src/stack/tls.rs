//! A Postgres with TLS, for what has to be as in PROD: where its server comes from, and certificates.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::json;

use crate::python::Python;

/// The certificate of a server for `localhost` and its authority, as PEM. Made again each time.
#[derive(Debug, Clone, Deserialize)]
pub struct Certificates {
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

impl Certificates {
    /// Installs the server and the maker of certificates at first use, and makes some.
    ///
    /// # Errors
    /// Where there is no such server for this machine.
    pub fn make(python: &Python, folder: &Path) -> Result<Self> {
        python.add("tls-requirements.txt").context("Postgres with TLS exists only for Linux on x86_64")?;
        let made = python.run(
            "certificates.py",
            &json!({ "host": "localhost" }),
            &folder.join("certificates.log"),
        )?;
        serde_json::from_value(made).context("certificates.py returned an unknown form")
    }
}
