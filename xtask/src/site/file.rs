//! Files of the site.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Writes a file, and the folders above it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .with_context(|| format!("cannot write {}", path.display()))
}
