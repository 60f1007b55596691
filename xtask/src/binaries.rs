//! The functions' binaries: building them, and keeping the ones a stack runs apart from cargo's.
//!
//! A stack runs hard links in its own folder: a build for another stack or for a test then
//! replaces cargo's file and not the program under a running function, and a process in that
//! folder certainly belongs to the stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

use crate::assets;
use crate::checkout::Checkout;
use crate::process;

/// What tells one build of a binary from the next.
pub type Fingerprint = (u64, SystemTime);

/// Builds the named functions in one call of cargo, its output shown.
pub fn build(checkout: &Checkout, functions: &[String]) -> Result<()> {
    if functions.iter().any(|function| function == "docs") {
        assets::ready(checkout)?;
    }
    let programs = functions.iter().map(|function| (function.as_str(), function.as_str()));
    let child = cargo_build(checkout, programs)
        .spawn()
        .context("cannot run cargo; install Rust from https://rustup.rs")?;
    if !process::wait(child)?.success() {
        bail!("the build failed; see the messages of the compiler above");
    }
    Ok(())
}

/// Returns the command that builds programs, each named by its package and itself. Their dependencies get the
/// features that they have in the tests, so that cargo compiles them once for both.
pub fn cargo_build<'a>(
    checkout: &Checkout,
    programs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Command {
    let mut cargo = checkout.cargo();
    cargo.args(["build", "-p", "xtask", "--features", "xtask/as-tested"]);
    for (package, program) in programs {
        cargo.args(["-p", package, "--bin", program]);
    }
    cargo
}

/// Selects packages for a build as it is deployed. By package and not by program, because cargo would give the
/// dependencies of a program at the root of the workspace the features that any other member needs.
pub fn by_package<N: AsRef<str>>(cargo: &mut Command, packages: &[N]) {
    for package in packages {
        cargo.args(["-p", package.as_ref()]);
    }
}

/// Where cargo leaves a program that it has built.
pub fn built(checkout: &Checkout, program: &str) -> Result<PathBuf> {
    Ok(checkout.target_dir()?.join("debug").join(program))
}

/// Links the built functions into `folder` and returns which of them are new or changed.
///
/// `known` holds what the last call saw; this call updates it.
pub fn link(
    checkout: &Checkout,
    functions: &[String],
    folder: &Path,
    known: &mut BTreeMap<String, Fingerprint>,
) -> Result<Vec<String>> {
    let debug = checkout.target_dir()?.join("debug");
    fs::create_dir_all(folder)?;
    let mut changed = Vec::new();
    for function in functions {
        let source = debug.join(function);
        let about = fs::metadata(&source).with_context(|| {
            format!("cargo built no binary named {function}; check the `[[bin]]` of its Cargo.toml")
        })?;
        let fingerprint = (about.len(), about.modified()?);
        if known.get(function) == Some(&fingerprint) {
            continue;
        }
        let partial = folder.join(format!(".{function}"));
        let _ = fs::remove_file(&partial);
        // A link where it is possible, a copy across file systems.
        fs::hard_link(&source, &partial)
            .or_else(|_| fs::copy(&source, &partial).map(|_| ()))
            .and_then(|()| fs::rename(&partial, folder.join(function)))
            .and_then(|()| match fs::remove_file(&partial) {
                // `rename` does nothing when both names are already one file.
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            })
            .with_context(|| format!("cannot put {function} into {}", folder.display()))?;
        known.insert(function.clone(), fingerprint);
        changed.push(function.clone());
    }
    Ok(changed)
}
