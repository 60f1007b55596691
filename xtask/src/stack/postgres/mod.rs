//! The embedded Postgres: a server of this stack's own, on the loopback address.
//!
//! Its data outlives the server. It trades durability for speed (no fsync): development data.
//! For root it runs as `nobody`, see the module of that name.

mod data;
mod passwords;
mod set_up;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};

use self::passwords::{Passwords, passwords};
use super::distribution::{Distribution, EMBEDDED};
use super::nobody;
use crate::checkout::Checkout;
use crate::process::{self, Identity};
use crate::python::Python;

pub use self::data::{data_dirs, is_of};

/// The server of one stack.
#[derive(Debug)]
pub struct Postgres {
    home: PathBuf,
    programs: PathBuf,
    log: PathBuf,
    runs_as: Option<User>,
    passwords: Passwords,
}

impl Postgres {
    /// Finds or makes what the server needs: binaries, a folder, passwords, data.
    pub fn prepare(checkout: &Checkout, python: &Python, stack: &str) -> Result<Self> {
        Self::prepare_from(&EMBEDDED, checkout, python, stack)
    }

    /// The same with the binaries of another package.
    pub fn prepare_from(
        distribution: &Distribution,
        checkout: &Checkout,
        python: &Python,
        stack: &str,
    ) -> Result<Self> {
        let state = checkout.state_dir(stack)?;
        let (passwords, is_new) = passwords(&state.join("passwords.json"))?;
        let runs_as = if geteuid().is_root() {
            Some(User::from_name("nobody")?.context(
                "Postgres refuses to run as root and this system has no user `nobody`; run as another user",
            )?)
        } else {
            None
        };
        let packages = python.packages()?;
        let (home, programs) = match &runs_as {
            Some(_) => {
                let shared = nobody::folder(checkout)?;
                (shared.join(stack), nobody::copy_programs(distribution, &packages, &shared)?)
            }
            None => (state.clone(), packages.join(distribution.package).join("pginstall/bin")),
        };
        if !programs.join("postgres").exists() {
            bail!("{} has no Postgres binaries; delete .local/python and try again", programs.display());
        }
        let postgres = Self { home, programs, log: state.join("postgres.log"), runs_as, passwords };
        if is_new {
            postgres.set_data_aside()?;
        }
        postgres.initialise()?;
        Ok(postgres)
    }

    /// Starts the server and waits until it takes connections.
    pub fn start(&self, port: u16) -> Result<Identity> {
        self.start_with(port, &[])
    }

    /// The same with settings, as `name=value`, above the usual ones.
    pub fn start_with(&self, port: u16, settings: &[&str]) -> Result<Identity> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &port.to_string()]);
        let usual = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ];
        // Of two settings of one name the last one counts.
        for setting in usual.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let (mut child, identity) = process::start(&mut command, &self.log)?;
        if let Err(error) = self.wait_ready(port, &mut child) {
            identity.stop(Signal::SIGQUIT, Duration::from_secs(2));
            return Err(error);
        }
        Ok(identity)
    }

    fn wait_ready(&self, port: u16, child: &mut Child) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ready = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .stderr(Stdio::null())
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if child.try_wait()?.is_some() || Instant::now() >= deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                bail!(
                    "Postgres did not start. Its log ends:\n    {}\n  \
                     If its data is damaged, delete it with `cargo xtask down --delete-data`",
                    last.join("\n    ")
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns a command that runs as a user that Postgres accepts, with a clean environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir(&self.home);
        if let Some(user) = &self.runs_as {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}
