//! `cargo xtask lint`: everything that can be said without running the product.

use anyhow::{Result, bail};

use super::{deny, openapi, template};
use crate::assets;
use crate::checkout::Checkout;
use crate::python::Python;
use crate::ui;

/// What is run, and what mends it.
const CHECKS: &[(&str, &[&str], &str)] = &[
    ("formatting", &["fmt", "--all", "--check"], "`cargo fmt --all` mends it"),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], "clippy says how, above"),
    (
        "the rules of the house",
        &["test", "-p", "app-tests", "--test", "house"],
        "the test says which one, above",
    ),
];

pub fn run() -> Result<()> {
    let checkout = Checkout::find()?;
    // The template's tests run cfn-lint.
    let python = Python::ready(&checkout)?.program();
    assets::ready(&checkout)?;
    let mut failed = Vec::new();
    for (name, arguments, remedy) in CHECKS {
        ui::heading(&format!("Checking {name}"));
        let status = checkout.cargo().args(*arguments).env("TEST_PYTHON", &python).status()?;
        if !status.success() {
            failed.push(format!("{name}: {remedy}"));
        }
    }
    ui::heading("Checking docs/openapi.json");
    if let Err(error) = openapi::run(true) {
        failed.push(format!("docs/openapi.json: {error}"));
    }
    ui::heading("Checking template.yaml");
    if let Err(error) = template::run(true) {
        failed.push(format!("template.yaml: {error}"));
    }
    ui::heading("Checking the dependencies");
    if let Err(error) = deny::run(&deny::WITHOUT_ADVISORIES) {
        failed.push(format!("the dependencies: {error}"));
    }
    if failed.is_empty() {
        ui::say("all is well");
        return Ok(());
    }
    bail!("{} of {} checks failed\n  {}", failed.len(), CHECKS.len() + 3, failed.join("\n  "));
}
