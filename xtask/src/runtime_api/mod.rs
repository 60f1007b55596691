//! One function's process behind a Lambda Runtime API on the loopback address.
//!
//! This is what AWS runs a function with, less the rest of AWS: the real binary, its real start,
//! the real protocol. `cargo xtask invoke` and `migrate` call functions through it, and tests
//! that need a separate process to kill.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use std::{path::Path, time::Duration};
//! use xtask::runtime_api::{Function, Outcome};
//!
//! let settings = [("LAUNCH_MODE".to_owned(), "LOCAL".to_owned())];
//! let mut function = Function::spawn(Path::new("target/debug/users-me"), &settings)?;
//! let outcome = function.invoke("{}", Duration::from_secs(3))?;
//! assert!(matches!(outcome, Outcome::Response(_)));
//! # Ok(())
//! # }
//! ```

pub mod http;
mod server;

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use self::server::{Invocation, Report, Server, deadline};
use crate::checkout::random_hex;
use crate::process;

/// How often it is looked whether the process still runs.
const GLANCE: Duration = Duration::from_millis(5);
/// The same where many events wait for one process: together their glances would take a processor.
const RARE_GLANCE: Duration = Duration::from_millis(200);
/// How much longer than its own deadline a process that handles several events at once is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered, with this body.
    Response(String),
    /// The function reported an error instead of a response. It can be invoked again.
    Error { error_type: String, message: String },
    /// The function reported that it could not start.
    InitError { error_type: String, message: String },
    /// The process ended without a response.
    Exited(ExitStatus),
    /// No response in time. The process has been killed, as Lambda does.
    TimedOut,
}

/// A function's process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Function {
    name: String,
    spawned: Instant,
    child: Mutex<Child>,
    server: Server,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    sampled: bool,
    last_took: Option<Duration>,
}

impl Function {
    /// Starts the binary with the variables of a Lambda environment and with `env`, which takes precedence.
    ///
    /// Nothing of the caller's own environment reaches it. It returns before the function is
    /// ready: see [`Self::ready`].
    pub fn spawn(binary: &Path, env: &[(String, String)]) -> Result<Self> {
        let server = Server::start()?;
        let name = binary.file_name().map(|name| name.to_string_lossy().into_owned());
        let name =
            name.with_context(|| format!("{} is not a binary; build the function first", binary.display()))?;
        let spawned = Instant::now();
        let mut child = Command::new(binary)
            .env_clear()
            .envs(process::profile())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin")
            .env("LANG", "en_US.UTF-8")
            .env("TZ", ":UTC")
            .env("AWS_LAMBDA_RUNTIME_API", server.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/{}", random_hex(8)?))
            .env("_HANDLER", "bootstrap")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(collect(stdout, Arc::clone(&lines)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(collect(stderr, Arc::clone(&lines)));
        }
        let child = Mutex::new(child);
        Ok(Self { name, spawned, child, server, lines, readers, sampled: false, last_took: None })
    }

    /// Marks the traces of all later invocations as sampled, as Lambda does with some of them.
    pub fn sample(&mut self) {
        self.sampled = true;
    }

    /// Waits until the function has started, which is when it asks for its first event. Returns the
    /// [`Outcome`] of a failed start, and `None` after a successful one.
    pub fn ready(&mut self, timeout: Duration) -> Result<Option<Outcome>> {
        let deadline = deadline(timeout);
        loop {
            if let Some(report) = self.server.settled(GLANCE) {
                return Ok(Some(report.into()));
            }
            if self.server.polled() {
                return Ok(None);
            }
            if let Some(status) = self.ended()? {
                let report = self.server.settled(GLANCE);
                return Ok(Some(report.map_or(Outcome::Exited(status), Outcome::from)));
            }
            if Instant::now() >= deadline {
                self.kill()?;
                return Ok(Some(Outcome::TimedOut));
            }
        }
    }

    /// Sends the function an event and waits for what comes of it, its start included. A process that is late is
    /// killed.
    pub fn invoke(&mut self, event: &str, timeout: Duration) -> Result<Outcome> {
        let (outcome, took) = self.run(event, timeout, timeout, GLANCE)?;
        self.last_took = took;
        if outcome == Outcome::TimedOut {
            self.kill()?;
        }
        Ok(outcome)
    }

    /// Sends an event to a process that handles several at once, and waits for what comes of it. A process that is late
    /// is not killed, because it handles others.
    pub fn call(&self, event: &str, timeout: Duration) -> Result<Outcome> {
        Ok(self.run(event, timeout, timeout + PATIENCE, RARE_GLANCE)?.0)
    }

    fn run(
        &self,
        event: &str,
        timeout: Duration,
        patience: Duration,
        glance: Duration,
    ) -> Result<(Outcome, Option<Duration>)> {
        let deadline_ms = (SystemTime::now() + timeout).duration_since(UNIX_EPOCH)?.as_millis();
        let id = random_hex(16)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let request_id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
        let report = self.server.offer(Invocation {
            request_id: request_id.clone(),
            deadline_ms,
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.name),
            trace: format!(
                "Root=1-{now:08x}-{};Parent={};Sampled={}",
                &id[..24],
                &id[16..],
                u8::from(self.sampled)
            ),
            event: event.to_owned(),
        });
        let deadline = deadline(patience);
        loop {
            if let Ok((report, took)) = report.recv_timeout(glance) {
                return Ok((report.into(), Some(took)));
            }
            if let Some(failed) = self.server.failed_start() {
                return Ok((failed.into(), None));
            }
            if let Some(status) = self.ended()? {
                // A report may have arrived between two glances.
                let report = report.recv_timeout(GLANCE).ok().map(|(report, _)| report);
                let report = report.or_else(|| self.server.failed_start());
                return Ok((report.map_or(Outcome::Exited(status), Outcome::from), None));
            }
            if Instant::now() >= deadline {
                self.server.give_up(&request_id);
                return Ok((Outcome::TimedOut, None));
            }
        }
    }

    /// From its spawn to its first poll; none before that.
    #[must_use]
    pub fn init_took(&self) -> Option<Duration> {
        self.server.polled_at().map(|polled| polled - self.spawned)
    }

    /// From when the last event was sent to when its response had arrived.
    #[must_use]
    pub fn last_took(&self) -> Option<Duration> {
        self.last_took
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Stops answering the process, as the Runtime API of an environment that goes away. The process stays.
    pub fn hang_up(&self) {
        self.server.close();
    }

    /// Ends the process without warning, as a power cut would.
    pub fn kill(&self) -> Result<()> {
        let mut child = self.child();
        child.kill().context("cannot kill the process of the function")?;
        child.wait()?;
        Ok(())
    }

    /// What the process has printed so far, line by line, stdout and stderr together.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the process and returns all it printed.
    #[must_use]
    pub fn finish(mut self) -> Vec<String> {
        let _ = self.kill();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.logs()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the process ended, if it has.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        Ok(self.child().try_wait()?)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.kill();
        self.server.close();
    }
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        match report {
            Report::Response(body) => Self::Response(body),
            Report::Error { error_type, message } => Self::Error { error_type, message },
            Report::InitError { error_type, message } => Self::InitError { error_type, message },
        }
    }
}

fn collect(stream: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            line.clear();
        }
    })
}
