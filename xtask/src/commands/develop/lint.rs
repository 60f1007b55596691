//! `cargo xtask lint`: all checks that do not run the product.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{deny, openapi, template};
use crate::assets;
use crate::checkout::Checkout;
use crate::python::Python;
use crate::{site, ui};

/// The checks: name, arguments of cargo, and the remedy.
const CHECKS: &[(&str, &[&str], &str)] = &[
    ("formatting", &["fmt", "--all", "--check"], "run `cargo fmt --all`"),
    (
        "clippy",
        &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        "see clippy's suggestions above",
    ),
    ("the house rules", &["test", "-p", "app-tests", "--test", "house"], "see the failed test above"),
];

pub fn run(commands: &clap::Command) -> Result<()> {
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
    ui::heading("Checking the formatting of functions/*/tests.rs");
    if let Err(error) = format_of_tests(&checkout) {
        failed.push(format!("functions/*/tests.rs: {error}"));
    }
    ui::heading("Checking the generated documents and tables in docs/");
    if let Err(error) = openapi::run(true, commands) {
        failed.push(format!("generated documents: {error}"));
    }
    ui::heading("Checking template.yaml");
    if let Err(error) = template::run(true) {
        failed.push(format!("template.yaml: {error}"));
    }
    ui::heading("Checking the documentation site");
    if let Err(error) = site::build(&checkout) {
        failed.push(format!("the documentation site: {error:#}"));
    }
    ui::heading("Checking the dependencies");
    if let Err(error) = deny::run(&deny::WITHOUT_ADVISORIES) {
        failed.push(format!("the dependencies: {error}"));
    }
    if failed.is_empty() {
        ui::say("all checks passed");
        return Ok(());
    }
    bail!("{} of {} checks failed\n  {}", failed.len(), CHECKS.len() + 5, failed.join("\n  "));
}

/// `cargo fmt` does not find these files: tests/build.rs names them, not a source file.
fn format_of_tests(checkout: &Checkout) -> Result<()> {
    let functions = checkout.functions()?.into_iter();
    let tests = functions.map(|name| checkout.root().join("functions").join(name).join("tests.rs"));
    let tests: Vec<_> = tests.filter(|file| file.is_file()).collect();
    if tests.is_empty() {
        return Ok(());
    }
    let rustfmt = Command::new("rustfmt").args(["--check", "--edition", "2024"]).args(&tests).status();
    if !rustfmt.context("cannot run rustfmt")?.success() {
        bail!("`rustfmt --edition 2024 functions/*/tests.rs` formats them");
    }
    Ok(())
}
