//! `cargo xtask sbom`: writes a bill of materials for each function.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::checkout::Checkout;
use crate::python::Python;
use crate::{sbom, ui};

/// What template.yaml deploys to, unless its parameter Architecture says otherwise.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

pub fn run(functions: &[String], target: &str, output: Option<&Path>) -> Result<()> {
    let checkout = Checkout::find()?;
    let functions = match functions {
        [] => checkout.functions()?,
        named => named.iter().map(|name| checkout.function(name)).collect::<Result<_>>()?,
    };
    let python = Python::ready(&checkout)?;
    let folder: PathBuf = match output {
        Some(folder) => folder.to_owned(),
        None => checkout.target_dir()?.join("sbom"),
    };
    let written = ui::step("listing the packages of each function", || {
        sbom::write(&checkout, &python, &functions, target, &folder)
    })?;
    for path in written {
        ui::out(&path.display().to_string());
    }
    Ok(())
}
