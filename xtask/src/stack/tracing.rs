//! The receiver of traces in a stack. It replaces the daemon that Lambda runs next to a function.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::checkout::private_dir;
use crate::process::{self, Identity};
use crate::python::Python;

/// A running receiver.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receiver {
    pub identity: Identity,
    pub port: u16,
    /// Where it keeps what it has received.
    pub folder: PathBuf,
}

impl Receiver {
    /// Returns its address, as `AWS_XRAY_DAEMON_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Returns where the datagrams of a stack are.
#[must_use]
pub fn folder(state: &Path) -> PathBuf {
    state.join("traces")
}

/// Starts the receiver and waits until it listens.
pub fn start(python: &Python, state: &Path, port: u16) -> Result<Receiver> {
    let folder = folder(state);
    private_dir(&folder)?;
    let mut command = Command::new(python.program());
    command.arg(python.script("trace_receiver.py")).arg(&folder).arg(port.to_string());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let log = state.join("traces.log");
    let (mut child, identity) = process::start(&mut command, &log)?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !fs::read_to_string(&log).is_ok_and(|text| text.contains("ready")) {
        if child.try_wait()?.is_some() || Instant::now() >= deadline {
            identity.stop(Signal::SIGTERM, Duration::from_secs(2));
            bail!("the receiver of traces did not start; see its log: {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Receiver { identity, port, folder })
}

/// Whether a command line is that of this stack's receiver.
#[must_use]
pub fn is_of(words: &[String], state: &Path) -> bool {
    matches!(words, [_, script, kept, ..] if script.ends_with("/trace_receiver.py") && Path::new(kept) == folder(state))
}
