//! `cargo xtask openapi`: generates docs/openapi.json and docs/messages.json, which are committed.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::assets;
use crate::checkout::Checkout;
use crate::ui;

pub fn run(check: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    for document in ["openapi", "messages"] {
        let text = generate(&checkout, document)?;
        let name = format!("docs/{document}.json");
        let path = checkout.root().join(&name);
        if check {
            if fs::read(&path).ok() != Some(text) {
                bail!("{name} is out of date; run `cargo xtask openapi`");
            }
            continue;
        }
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        ui::say(&format!("wrote {name}"));
    }
    Ok(())
}

/// Returns a document that the package of the tests makes: it knows the core and every function, and no other
/// command has to wait until they are compiled.
pub(super) fn generate(checkout: &Checkout, document: &str) -> Result<Vec<u8>> {
    assets::ready(checkout)?;
    let output = checkout
        .cargo()
        .args(["run", "--quiet", "--package", "app-tests", "--bin", "documents", "--", document])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo; install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!("could not generate the document `{document}`; see the errors above");
    }
    Ok(output.stdout)
}
