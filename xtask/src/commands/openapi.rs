//! `cargo xtask openapi`: docs/openapi.json, which is made from the handlers and committed.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::ui;

pub fn run(check: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    let output = checkout
        .cargo()
        .args(["run", "--quiet", "--package", "app-tests", "--bin", "openapi"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo; install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!("the document could not be made; why is said above");
    }
    let path = checkout.root().join("docs/openapi.json");
    if check {
        if fs::read(&path).ok() != Some(output.stdout) {
            bail!("it is out of date; `cargo xtask openapi` writes it anew");
        }
        return Ok(());
    }
    fs::write(&path, &output.stdout).with_context(|| format!("cannot write {}", path.display()))?;
    ui::say("docs/openapi.json is written");
    Ok(())
}
