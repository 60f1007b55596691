//! A server of a test's own, on the loopback address; it ends when it is dropped.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts it and waits until it takes connections on this port. Its environment
    /// is only that of the command. It has no input, and its output is dropped.
    pub fn start(command: &mut Command, port: u16) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let own = command.get_envs().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
        let own: Vec<_> = own.collect();
        let silent =
            command.env_clear().envs(own).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = silent.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut server = Self { child };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() >= deadline {
                bail!("{name} did not take connections on port {port} within 10 s");
            }
            server.lives(&name)?;
            std::thread::sleep(Duration::from_millis(20));
        }
        // What answers may be somebody else, who was faster to take the port.
        server.lives(&name)?;
        Ok(server)
    }

    fn lives(&mut self, name: &str) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{name} ended immediately: {status}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
