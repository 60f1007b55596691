//! mdBook, which draws the documentation site. cargo compiles it once into `.local/`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::checkout::{Checkout, private_dir};
use crate::ui;

/// The version. Its package brings a lock file, which names each dependency by its hash.
const VERSION: &str = "0.5.4";

/// Returns the program, compiled first if it is missing or has another version.
pub fn ready(checkout: &Checkout) -> Result<PathBuf> {
    let local = checkout.root().join(".local");
    private_dir(&local)?;
    let folder = local.join("mdbook");
    let program = folder.join(VERSION).join("bin/mdbook");
    // Two commands started together compile once.
    let lock = File::create(local.join("mdbook.lock")).context("cannot write .local/mdbook.lock")?;
    lock.lock()?;
    if program.is_file() {
        return Ok(program);
    }
    ui::step("compiling mdBook into .local/mdbook, once", || {
        let _ = fs::remove_dir_all(&folder);
        let mut cargo = checkout.cargo();
        cargo.args(["install", "mdbook", "--locked", "--quiet", "--version", VERSION, "--root"]);
        cargo.arg(folder.join(VERSION));
        // Without the server. A program for 150 pages needs no optimisation, which takes most of the time.
        cargo.args(["--no-default-features", "--features", "search", "--debug"]);
        let status = cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").stdin(Stdio::null()).status();
        if !status.context("cannot run cargo; install Rust from https://rustup.rs")?.success() {
            bail!("cargo could not install mdBook {VERSION}; see above. It needs crates.io");
        }
        Ok(())
    })?;
    Ok(program)
}
