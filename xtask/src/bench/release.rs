//! The binaries as they are deployed, and what they weigh.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::binaries;
use crate::checkout::Checkout;
use crate::process;
use crate::python::Python;

/// The limits of CI for the zips of three functions, in bytes: one reads, one hashes, one sends. They are
/// a little above the present sizes, so that the author of a needless dependency notices it. Lower a limit
/// when a function becomes smaller. If you raise one, say in the commit what it bought.
pub const GATE: &[(&str, u64)] =
    &[("users-me", 2_290_000), ("auth-tokens", 2_530_000), ("events-consumer", 2_390_000)];

/// A binary's own size and that of the zip that Lambda gets, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    pub binary: u64,
    pub zip: u64,
}

/// Builds packages as they are deployed, output shown. Returns the folder that holds the binaries.
pub fn build(checkout: &Checkout, packages: &[&str]) -> Result<PathBuf> {
    let mut cargo = checkout.cargo();
    cargo.args(["build", "--release", "--bins"]);
    binaries::by_package(&mut cargo, packages);
    let child = cargo.spawn().context("cannot run cargo; install Rust from https://rustup.rs")?;
    if !process::wait(child)?.success() {
        bail!("the build failed; see the messages of the compiler above");
    }
    Ok(checkout.target_dir()?.join("release"))
}

/// Weighs binaries in this folder.
pub fn weigh(python: &Python, folder: &Path, names: &[&str]) -> Result<BTreeMap<String, Weight>> {
    let files = names.iter().map(|name| ((*name).to_owned(), folder.join(name))).collect();
    weigh_files(python, &files, &folder.join("zipped.log"))
}

/// Weighs binaries, each zipped as it is deployed.
pub fn weigh_files(
    python: &Python,
    files: &BTreeMap<String, PathBuf>,
    log: &Path,
) -> Result<BTreeMap<String, Weight>> {
    let request = json!({ "files": files.values().collect::<Vec<_>>() });
    let zips: Vec<u64> = serde_json::from_value(python.run("zipped.py", &request, log)?)?;
    let weight = |((name, file), zip): ((&String, &PathBuf), u64)| {
        let binary = fs::metadata(file)
            .with_context(|| {
                format!("cargo built no binary named {name}; check the `[[bin]]` of its Cargo.toml")
            })?
            .len();
        Ok((name.clone(), Weight { binary, zip }))
    };
    files.iter().zip(zips).map(weight).collect()
}

/// # Errors
/// Names every function that is heavier than its limit.
pub fn gate(weights: &BTreeMap<String, Weight>) -> Result<()> {
    let heavier = GATE.iter().filter_map(|(name, limit)| {
        let zip = weights.get(*name)?.zip;
        (zip > *limit).then(|| format!("{name}: the zip has {zip} bytes, and its limit is {limit}"))
    });
    let heavier: Vec<String> = heavier.collect();
    if !heavier.is_empty() {
        bail!(
            "some zips exceed their limits of xtask/src/bench/release.rs:\n  {}\n  \
             `cargo tree -e normal -p NAME` shows what is linked; docs/performance.md lists what was tried",
            heavier.join("\n  ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavier_zip_is_refused_by_name_and_one_at_its_limit_is_not() {
        let at = |more: u64| {
            let weigh = |(name, limit): &(&str, u64)| {
                (
                    (*name).to_owned(),
                    Weight { binary: 0, zip: *limit + if *name == GATE[1].0 { more } else { 0 } },
                )
            };
            gate(&GATE.iter().map(weigh).collect())
        };
        assert!(at(0).is_ok());
        let refused = at(1).map_err(|error| error.to_string());
        assert!(refused.as_ref().is_err_and(|text| text.contains(GATE[1].0) && !text.contains(GATE[0].0)));
    }
}
