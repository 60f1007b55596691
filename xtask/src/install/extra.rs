//! Python packages that only some commands need: each group in a separate folder of `.local/`,
//! installed at its first use, so that `up` and `test` do not wait for all of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::checkout::{Checkout, private_file};
use crate::python::Python;
use crate::ui;

/// One group.
#[derive(Debug)]
pub struct Extra {
    /// Its folder in `.local/`.
    pub folder: &'static str,
    /// The name that the developer sees during the installation.
    pub title: &'static str,
    /// A file that `cargo xtask requirements` wrote. It names all packages, each by its version and its
    /// hashes: pip adds none, and takes none whose content is another.
    pub requirements: &'static str,
}

impl Extra {
    /// The folder in this checkout, for PYTHONPATH or for what else is in the packages; filled first
    /// if it is missing or was filled with something else.
    pub fn ready(&self, checkout: &Checkout) -> Result<PathBuf> {
        self.ready_beside(&Python::ready(checkout)?.program())
    }

    /// Like `ready`, next to the environment of this interpreter, `.local/python/bin/python`.
    pub fn ready_beside(&self, python: &Path) -> Result<PathBuf> {
        let local = python.ancestors().nth(3).context(
            "the interpreter is not .local/python/bin/python; run the test with `cargo xtask test`",
        )?;
        let folder = local.join(self.folder);
        let stamp = folder.join("installed.txt");
        // Two commands started together install once.
        let lock = File::create(local.join(format!("{}.lock", self.folder)));
        let lock = lock.context("cannot write a lock file in .local")?;
        lock.lock()?;
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.requirements) {
            return Ok(folder);
        }
        ui::step(&format!("installing {} into .local/{}, once", self.title, self.folder), || {
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove the old {}", folder.display()))?;
            }
            let wanted = local.join(format!("{}.txt", self.folder));
            private_file(&wanted, self.requirements)?;
            let mut pip = Command::new(python);
            pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]);
            pip.args(["--no-deps", "--require-hashes", "--progress-bar", "off", "--requirement"])
                .arg(&wanted);
            let status = pip.arg("--target").arg(&folder).stdin(Stdio::null()).status();
            if !status.context("cannot run pip")?.success() {
                bail!(
                    "pip could not install {}; see above. It needs a package index; pip's settings apply",
                    self.title
                );
            }
            private_file(&stamp, self.requirements)
        })?;
        Ok(folder)
    }
}
