//! Builds functions for AWS Lambda and says what each weighs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::compile::{Target, compile};
use super::folder::{self, FOLDER, PROGRAM};
use crate::bench::{self, GATE, Weight};
use crate::checkout::Checkout;
use crate::python::Python;
use crate::ui;

/// Builds these functions, or all, and returns the folder.
pub fn build(checkout: &Checkout, only: &[String], target: Target) -> Result<PathBuf> {
    let functions = if only.is_empty() { checkout.functions()? } else { only.to_vec() };
    for name in &functions {
        checkout.function(name)?;
    }
    let python = Python::ready(checkout)?;
    let compiler = target.compiler(checkout)?;
    let template = fs::read_to_string(checkout.root().join("template.yaml"))
        .context("cannot read template.yaml; run `cargo xtask template`")?;
    let folder = checkout.root().join(FOLDER);

    let started = Instant::now();
    let count = functions.len();
    ui::heading(&format!("Building {count} functions for {}: {compiler}", target.architecture()));
    let built = compile(checkout, &functions, target)?;
    let program = |name: &str| {
        functions.iter().any(|function| function == name).then(|| built.join(name).join(PROGRAM))
    };
    let lacking = folder::write(&template, &folder, !only.is_empty(), program)?;
    folder::set_label(&folder, &checkout.label(), !only.is_empty())?;
    let seconds = started.elapsed().as_secs();

    let log = checkout.root().join(".local/zipped.log");
    show(&bench::weigh_files(&python, &files(&built, &functions), &log)?);
    ui::say(&format!("built {count} functions in {seconds} s with {compiler}"));
    ui::say(&format!("{FOLDER} is for Architecture={}", target.architecture()));
    if !lacking.is_empty() {
        ui::say(&format!(
            "{FOLDER} lacks {} other functions, so it can be invoked but not deployed; build them without --only",
            lacking.len()
        ));
    }
    Ok(folder)
}

fn files(built: &Path, functions: &[String]) -> BTreeMap<String, PathBuf> {
    functions.iter().map(|name| (name.clone(), built.join(name).join(PROGRAM))).collect()
}

fn show(weights: &BTreeMap<String, Weight>) {
    for (name, weight) in weights {
        ui::out(&format!("{name:<28} {:>9} bytes zipped", weight.zip));
    }
    let sum: u64 = weights.values().map(|weight| weight.zip).sum();
    ui::out(&format!("{:<28} {sum:>9} bytes zipped", "all of them"));
    for (name, limit) in GATE {
        let zip = weights.get(*name).map_or(0, |weight| weight.zip);
        if zip > *limit {
            ui::say(&format!(
                "warning: the zip of {name} has {zip} bytes; its limit is {limit} bytes on x86_64, linked by cargo.\n  \
                 `cargo xtask bench size --gate` checks it"
            ));
        }
    }
}
