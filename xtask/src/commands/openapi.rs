//! `cargo xtask openapi`: docs/openapi.json and docs/messages.json, which are made from the code and
//! committed.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::assets;
use crate::checkout::Checkout;
use crate::ui;

pub fn run(check: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    assets::ready(&checkout)?;
    for document in ["openapi", "messages"] {
        let output = checkout
            .cargo()
            .args(["run", "--quiet", "--package", "app-tests", "--bin", "documents", "--", document])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo; install Rust from https://rustup.rs")?;
        if !output.status.success() {
            bail!("the document could not be made; why is said above");
        }
        let name = format!("docs/{document}.json");
        let path = checkout.root().join(&name);
        if check {
            if fs::read(&path).ok() != Some(output.stdout) {
                bail!("{name} is out of date; `cargo xtask openapi` writes it anew");
            }
            continue;
        }
        fs::write(&path, &output.stdout).with_context(|| format!("cannot write {}", path.display()))?;
        ui::say(&format!("{name} is written"));
    }
    Ok(())
}
