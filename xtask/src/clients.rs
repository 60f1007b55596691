//! The programs of `tests/clients`, which call us with RPC clients of others.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::checkout::{Checkout, private_dir};
use crate::node::Node;

const FILES: [&str; 3] = ["package.json", "package-lock.json", "calls.mjs"];

/// Ready to run.
#[derive(Debug)]
pub struct Clients {
    node: Node,
    folder: PathBuf,
}

impl Clients {
    /// Installs what is missing or out of date, in `.local/clients`.
    pub fn ready(checkout: &Checkout) -> Result<Self> {
        let local = checkout.root().join(".local");
        let clients = Self { node: Node::ready(checkout)?, folder: local.join("clients") };
        private_dir(&clients.folder)?;
        // Two tests that start together install once.
        let lock = File::create(local.join("clients.lock")).context("cannot write in .local")?;
        lock.lock()?;
        for file in FILES {
            let source = checkout.root().join("tests/clients").join(file);
            fs::copy(source, clients.folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        clients.node.packages(&clients.folder)?;
        Ok(clients)
    }

    /// A command that runs one of the programs.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.node.command();
        // A proxy of the caller's is for the world, not for this machine.
        command.arg(self.folder.join(program)).env_clear().current_dir(&self.folder);
        command
    }
}
