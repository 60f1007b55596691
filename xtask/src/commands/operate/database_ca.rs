//! `cargo xtask database-ca`: finds the one certificate that belongs into `DB_SSL_ROOT_CERT`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::python::Python;
use crate::ui;

/// Behind RDS Proxy the certificate is signed by Amazon's public roots, not by those of RDS.
const AMAZON: &str = "core/certs/amazon-roots.pem";

#[derive(Deserialize)]
struct Found {
    pem: String,
    subject: String,
    expires: String,
    bundle: String,
}

pub fn run(address: &str, bundle: Option<&Path>) -> Result<()> {
    let checkout = Checkout::find()?;
    let (host, port) = parse(address)?;
    let given = bundle.map(Path::to_path_buf);
    let bundles = given.into_iter().chain([checkout.root().join(AMAZON)]);
    let bundles = bundles.map(|path| read(&path)).collect::<Result<Vec<_>>>()?;
    let request = json!({ "host": host, "port": port, "bundles": bundles });
    let log = checkout.root().join(".local/database-ca.log");
    let found = Python::ready(&checkout)?.run("database_ca.py", &request, &log)?;
    let found: Found = serde_json::from_value(found).context("database_ca.py returned an unknown form")?;
    ui::say(&format!("found in {}: {}, which expires on {}", found.bundle, found.subject, found.expires));
    ui::say("copy these lines into the parameter DatabaseSslRootCert, which sets DB_SSL_ROOT_CERT");
    ui::out(found.pem.trim_end());
    Ok(())
}

fn read(path: &PathBuf) -> Result<Value> {
    let pem = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(json!({ "name": path.display().to_string(), "pem": pem }))
}

fn parse(address: &str) -> Result<(&str, u16)> {
    match address.rsplit_once(':') {
        None if !address.is_empty() => Ok((address, 5432)),
        Some((host, port)) if !host.is_empty() => Ok((
            host,
            port.parse()
                .with_context(|| format!("`{port}` is not a port; write a number from 1 to 65535"))?,
        )),
        _ => bail!("`{address}` is not an address; write HOST or HOST:PORT"),
    }
}
