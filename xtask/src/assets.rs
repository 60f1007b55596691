//! Swagger UI and ReDoc for the function `docs`: three megabytes that are fetched, not committed.
//!
//! Every command that builds calls [`ready`] first; `functions/docs/build.rs` refuses to build
//! without them and names `cargo xtask assets`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::checkout::{Checkout, private_dir};
use crate::python::{Environment, Python};
use crate::ui;

/// The folder of the files. The committed `requirements.txt` next to them pins their versions.
const FOLDER: &str = "functions/docs/assets";

/// Fetches them if they are missing, or of another version than the pinned one.
pub fn ready(checkout: &Checkout) -> Result<()> {
    let folder = checkout.root().join(FOLDER);
    if current(&folder) {
        return Ok(());
    }
    let local = checkout.root().join(".local");
    private_dir(&local)?;
    // Two commands started together fetch once.
    let lock = File::create(local.join("assets.lock")).context("cannot write .local/assets.lock")?;
    lock.lock()?;
    if current(&folder) {
        return Ok(());
    }
    let python = Python::ready(checkout)?;
    ui::step("downloading Swagger UI and ReDoc (3 MB, once)", || {
        let request = json!({ "folder": folder });
        let log = local.join("assets.log");
        python.run_by_steps("assets.py", &request, &Environment::Caller, &log, &mut |_| ()).map(drop)
    })
}

/// The files as they are now, relative to the checkout; git does not list them.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join(FOLDER)).into_iter().flatten().flatten();
    entries.map(|entry| Path::new(FOLDER).join(entry.file_name())).collect()
}

/// Returns whether the downloaded files have the pinned versions.
fn current(folder: &Path) -> bool {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    let wanted = read("requirements.txt");
    wanted.is_some() && wanted == read("fetched.txt")
}
