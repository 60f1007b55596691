//! A Postgres with TLS, for what has to be as in PROD: where its server comes from, and certificates.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::json;

use crate::python::Python;

/// What a server for `localhost` shows, and who says that it is good. As PEM, made anew each time.
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
        python.add("tls-requirements.txt").context("there is no Postgres with TLS for this machine")?;
        let made = python.run(
            "certificates.py",
            &json!({ "host": "localhost" }),
            &folder.join("certificates.log"),
        )?;
        serde_json::from_value(made).context("certificates.py answered in an unknown form")
    }
}
