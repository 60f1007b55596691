//! Programs from npm that tests use: clients of other protocols, generators, validators.
//!
//! A folder of `tests/` has the `package.json`, its lock file and programs of our own. All of it is
//! installed into a folder of the same name in `.local/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::checkout::{Checkout, private_dir};
use crate::install::node::Node;

/// Ready to run.
#[derive(Debug)]
pub struct Clients {
    node: Node,
    folder: PathBuf,
}

impl Clients {
    /// Installs what is missing or out of date, and copies our own `programs`.
    pub fn ready(checkout: &Checkout, folder: &str, programs: &[&str]) -> Result<Self> {
        let local = checkout.root().join(".local");
        let clients = Self { node: Node::ready(checkout)?, folder: local.join(folder) };
        private_dir(&clients.folder)?;
        // Two tests that start together install once.
        let lock = File::create(local.join(format!("{folder}.lock")))
            .context("cannot write a lock file in .local")?;
        lock.lock()?;
        for file in ["package.json", "package-lock.json"].iter().chain(programs) {
            let source = checkout.root().join("tests").join(folder).join(file);
            fs::copy(source, clients.folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        clients.node.packages(&clients.folder)?;
        Ok(clients)
    }

    /// Where the programs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command that runs one of the programs, or one that a package brings.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.node.command();
        // A proxy of the caller's is for the world, not for this machine.
        command.arg(self.folder.join(program)).env_clear().current_dir(&self.folder);
        command
    }
}
