//! `cargo xtask openapi`: generates docs/openapi.json, docs/messages.json and the table in docs/routes.md,
//! which are committed.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::assets;
use crate::binaries::{built, cargo_build};
use crate::checkout::Checkout;
use crate::ui;

/// What the code generates, and its file.
pub const DOCUMENTS: [(&str, &str); 3] =
    [("openapi", "docs/openapi.json"), ("messages", "docs/messages.json"), ("routes", "docs/routes.md")];

/// The program of the catalogue that prints them.
const PROGRAM: &str = "documents";

pub fn run(check: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    if !check {
        write(&checkout)?;
        for (_, name) in DOCUMENTS {
            ui::say(&format!("wrote {name}"));
        }
        return Ok(());
    }
    for (document, name) in DOCUMENTS {
        if fs::read(checkout.root().join(name)).ok() != Some(generate(&checkout, document)?) {
            bail!("{name} is out of date; run `cargo xtask openapi`");
        }
    }
    Ok(())
}

/// Generates and writes all documents.
pub(super) fn write(checkout: &Checkout) -> Result<()> {
    for (document, name) in DOCUMENTS {
        let text = generate(checkout, document)?;
        fs::write(checkout.root().join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// Returns a document that the package `catalogue` makes. It knows the core and every endpoint, so it is a program
/// of its own: no other command waits until they are compiled.
pub(super) fn generate(checkout: &Checkout, document: &str) -> Result<Vec<u8>> {
    assets::ready(checkout)?;
    let build = cargo_build(checkout, [("catalogue", PROGRAM)]).arg("--quiet").status();
    if !build.context("cannot run cargo; install Rust from https://rustup.rs")?.success() {
        bail!("could not build the program `{PROGRAM}`; see the errors above");
    }
    let program = built(checkout, PROGRAM)?;
    let output = Command::new(&program).arg(document).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("could not generate the document `{document}`; see the errors above");
    }
    Ok(output.stdout)
}
