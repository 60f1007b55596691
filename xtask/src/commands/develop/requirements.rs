//! `cargo xtask requirements`: writes the lock files of Python packages, with a hash for each file of a package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::install::extra::Extra;
use crate::python::Python;
use crate::ui;

const UV: Extra =
    Extra { folder: "uv", title: "uv (40 MB)", requirements: include_str!("../../../python/uv.txt") };

pub fn run() -> Result<()> {
    let checkout = Checkout::find()?;
    let python = Python::ready(&checkout)?;
    let uv = UV.ready(&checkout)?.join("bin/uv");
    for chosen in sources(checkout.root())? {
        lock(&uv, &python, &chosen)?;
    }
    Ok(())
}

/// Returns the files that say what we choose: `xtask/python/*.in` and `tests/*/*.in`.
pub fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.join("xtask/python")];
    folders.extend(entries(&root.join("tests"))?);
    let mut found = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        found.extend(entries(folder)?.into_iter().filter(|file| file.extension().is_some_and(|e| e == "in")));
    }
    found.sort();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

/// Writes `NAME.txt` from `NAME.in`. Packages that it already names keep their version as long as that fits.
fn lock(uv: &Path, python: &Python, chosen: &Path) -> Result<()> {
    let written = chosen.with_extension("txt");
    let folder = chosen.parent().context("a file in a folder")?;
    let mut command = Command::new(uv);
    command.args(["pip", "compile", "--quiet", "--generate-hashes", "--no-annotate"]);
    // For each platform, and each Python that `xtask/src/python.rs` accepts.
    command.args(["--universal", "--python-version", "3.11", "--no-python-downloads"]);
    command.arg("--python").arg(python.program());
    command.args(["--custom-compile-command", "cargo xtask requirements"]);
    // Relative, because the lock file contains this path.
    command.arg(chosen.file_name().context("a file")?).arg("--output-file");
    command.arg(written.file_name().context("a file")?).current_dir(folder);
    let status = command.stdout(std::process::Stdio::null()).status().context("cannot run uv")?;
    if !status.success() {
        bail!("uv could not resolve {}; see its messages above. It needs a package index", chosen.display());
    }
    ui::say(&format!("wrote {}", written.display()));
    Ok(())
}
