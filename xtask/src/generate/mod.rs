//! What `cargo xtask new` writes and `cargo xtask remove` takes away. Each kind has a file here that returns a
//! [`plan::Plan`]; the commands apply it.

pub mod catalogue;
mod checks;
pub mod domain;
pub mod endpoint;
pub mod event;
mod listing;
pub mod migration;
mod names;
pub mod permission;
pub mod plan;
pub mod project;
mod rust;
mod spec;
pub mod task;
mod texts;
pub mod undo;

use std::fs;

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;

fn read(checkout: &Checkout, file: &str) -> Result<String> {
    fs::read_to_string(checkout.root().join(file)).with_context(|| format!("cannot read {file}"))
}

/// Returns all files of a folder and of the folders in it, as paths in the checkout.
fn files_in(checkout: &Checkout, folder: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(checkout.root().join(&folder));
        for entry in entries.with_context(|| format!("cannot read {folder}"))? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}
