//! The server by hand: axum and deadpool-postgres, with the one endpoint of users-me.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::clients::PATIENCE;
use crate::bench::world::Settings;
use crate::checkout::Checkout;
use crate::process;

const BINARY: &str = "floor-axum";
/// Where its workspace is.
const MANIFEST: &str = "tests/bench/axum/Cargo.toml";

/// Builds the server by hand, output shown. Returns its binary.
pub fn build(checkout: &Checkout) -> Result<PathBuf> {
    let mut cargo = checkout.cargo();
    cargo.args(["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    let target = checkout.target_dir()?.join("by-hand");
    let child = cargo.arg("--target-dir").arg(&target).spawn().context("cannot run cargo")?;
    if !process::wait(child)?.success() {
        bail!("the server by hand cannot be built; see the messages above");
    }
    Ok(target.join("release").join(BINARY))
}

/// A running server. It is ended when this is dropped.
pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(super) fn start(binary: &Path, settings: &Settings) -> Result<Self> {
        let settings = settings.iter().map(|(key, value)| (key, value));
        let mut child = Command::new(binary).env_clear().envs(settings).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("it has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse().context("it printed no port")?;
        Ok(Self { child, port })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn connect(&self, token: &str) -> Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "GET /api/v1/users/me/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        Ok(Connection { stream: BufReader::new(stream), request })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that stays open, and the request that it sends again and again.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Connection {
    pub(super) fn call(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.stream.get_mut().write_all(self.request.as_bytes())?;
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        let is_ok = line.starts_with("HTTP/1.1 200");
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let took = began.elapsed();
        if !is_ok || !body.starts_with(b"{") {
            bail!("the server by hand returned {}", String::from_utf8_lossy(&body));
        }
        Ok(took)
    }
}
