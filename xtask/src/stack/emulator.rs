//! The AWS emulator: one process that serves API Gateway, Lambda, SQS and the rest on one port.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use super::REGION;
use crate::process::{self, Identity};
use crate::python::Python;

/// Starts the emulator, empty, and waits until it answers. Its functions send traces to this address.
pub fn start(python: &Python, state: &Path, port: u16, traces: &str) -> Result<Identity> {
    let temporary = state.join("emulator");
    let _ = fs::remove_dir_all(&temporary);
    fs::create_dir_all(&temporary)?;
    let functions_log = super::functions_log(state);
    fs::write(&functions_log, "")?;
    let mut command = Command::new(python.program());
    command
        .arg(python.script("emulator.py"))
        // It takes no arguments; this one says whose it is, see `is_of`.
        .arg(state)
        .current_dir(&temporary)
        // Functions inherit the emulator's environment: nothing of the caller's may be in it.
        .env_clear()
        .envs(process::profile())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", &temporary)
        .env("TMPDIR", &temporary)
        .env("FUNCTIONS_LOG", &functions_log)
        .env("MAILBOX", super::mailbox::folder(state))
        .env("AWS_XRAY_DAEMON_ADDRESS", traces)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_HOST", "localhost")
        .env("MINISTACK_REGION", REGION)
        .env("DOCKER_HOST", "unix:///nonexistent")
        .env("AWS_ENDPOINT_URL", format!("http://localhost:{port}"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_REGION", REGION);
    let log = state.join("emulator.log");
    let (mut child, identity) = process::start(&mut command, &log)?;
    if let Err(error) = wait_ready(port, &mut child, &log) {
        identity.stop(Signal::SIGTERM, Duration::from_secs(2));
        return Err(error);
    }
    Ok(identity)
}

/// Whether a command line is that of this stack's emulator.
#[must_use]
pub fn is_of(words: &[String], state: &Path) -> bool {
    matches!(words, [_, script, folder, ..] if script.ends_with("/emulator.py") && Path::new(folder) == state)
}

fn wait_ready(port: u16, child: &mut Child, log: &Path) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !healthy(port).unwrap_or(false) {
        if child.try_wait()?.is_some() || Instant::now() >= deadline {
            let text = fs::read_to_string(log).unwrap_or_default();
            let last = text.lines().last().unwrap_or("(nothing)");
            bail!("the AWS emulator did not start: {last}\n  see its log: {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn healthy(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).context("the AWS emulator did not respond")?;
    Ok(&start == b"HTTP/1.1 200")
}
