//! The whole topology on this machine: Postgres, the AWS emulator, a mail server, a receiver of traces, template.yaml
//! deployed to it.
//!
//! There are several, which may run at once and share nothing but the tools: [`DEV`] is what
//! `cargo xtask up` starts; [`TEST`], [`BENCH`], [`FUZZ`] and [`MUTANTS`] are of the commands of these
//! names, begin empty and end with them. All of a stack's files are in `.local/<stack>/`.

pub mod database;
pub mod deploy;
pub mod distribution;
pub mod emulator;
mod end;
pub mod mailbox;
mod names;
pub(crate) mod nobody;
pub mod postgres;
pub mod state;
pub mod tls;
pub mod tracing;

pub use self::end::end;
pub use self::names::{BENCH, DEV, FUZZ, MUTANTS, REGION, TEST, bin_dir, functions_log};

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use self::database::Database;
use self::distribution::{EMBEDDED, WITH_TLS};
use self::postgres::Postgres;
use self::state::State;
use self::tls::Certificates;
use crate::assets;
use crate::binaries::{self, Fingerprint};
use crate::checkout::Checkout;
use crate::interrupt;
use crate::migrations;
use crate::process::Identity;
use crate::python::Python;
use crate::ui;

/// A stack that this command is starting, holds or ends.
#[derive(Debug)]
pub struct Stack {
    pub checkout: Checkout,
    pub python: Python,
    pub folder: PathBuf,
    pub functions: Vec<String>,
    pub state: State,
    pub known: BTreeMap<String, Fingerprint>,
    name: &'static str,
    /// Held as long as a command works on the stack, so that no two do.
    _lock: File,
}

/// The stack as a running one, or an error that says how to start it.
pub fn running(checkout: &Checkout, name: &str) -> Result<State> {
    let state = State::load(&checkout.state_dir(name)?).filter(State::running);
    state.context("no stack is running here; run `cargo xtask up`")
}

impl Stack {
    /// Takes hold of the stack: it must not run, and what an earlier one left is ended.
    pub fn claim(name: &'static str) -> Result<Self> {
        let checkout = Checkout::find()?;
        let folder = checkout.state_dir(name)?;
        let lock =
            File::create(folder.join("lock")).with_context(|| format!("cannot write .local/{name}/lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(already(name)),
            Err(TryLockError::Error(error)) => {
                return Err(error).context("cannot lock the folder of the stack");
            }
        }
        let left = State::load(&folder).unwrap_or_default();
        if left.owner.is_none() && left.running() {
            bail!(already(name));
        }
        end(&checkout, name, &left)?;
        // A bad DATABASE_URL is better refused now than after the build.
        // Tests never use it: in a shell with `cargo xtask env` they would write into the dev database.
        let url = std::env::var("DATABASE_URL").ok().filter(|_| name == DEV);
        let database = url.map(|url| Database::from_url(&url)).transpose()?;
        let state = State { owner: Some(Identity::of_self()?), database, ..State::default() };
        // From here on `down` finds this command.
        state.save(&folder)?;
        let python = Python::ready(&checkout)?;
        assets::ready(&checkout)?;
        let functions = checkout.functions()?;
        Ok(Self { checkout, python, folder, functions, state, known: BTreeMap::new(), name, _lock: lock })
    }

    /// Starts everything. If a part fails, the earlier parts are stopped.
    pub fn start(&mut self) -> Result<()> {
        let result = self.start_parts();
        self.or_nothing(result)
    }

    /// Starts Postgres alone: its roles, and nothing in it. With certificates it takes TLS, too.
    pub fn start_postgres(&mut self, tls: Option<&Certificates>) -> Result<()> {
        let result = self.start_database(tls);
        self.or_nothing(result)
    }

    /// Ends everything, data included: for a stack that lives as long as its command.
    pub fn dispose(&mut self) -> Result<()> {
        ui::step("stopping", || {
            self.stop();
            Postgres::delete(&self.checkout, self.name)
        })
    }

    fn or_nothing(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() || interrupt::requested() {
            self.stop();
            interrupt::check()?;
        }
        result
    }

    fn start_parts(&mut self) -> Result<()> {
        ui::heading("Building the functions");
        binaries::build(&self.checkout, &self.functions)?;
        let bin = bin_dir(&self.folder);
        let _ = fs::remove_dir_all(&bin);
        binaries::link(&self.checkout, &self.functions, &bin, &mut self.known)?;

        ui::heading(&format!("Starting the {} stack", self.name));
        self.start_database(None)?;
        interrupt::check()?;
        // Before the emulator, whose functions get its address.
        let traces = self.start_receiver()?;
        interrupt::check()?;
        let state = &mut self.state;
        ui::step("AWS emulator", || {
            let (identity, port) = on_a_port((self.name == DEV).then_some(4566), |port| {
                emulator::start(&self.python, &self.folder, port, &traces)
            })?;
            (state.emulator, state.port) = (Some(identity), port);
            state.save(&self.folder)
        })?;
        interrupt::check()?;
        self.start_mailbox()?;
        interrupt::check()?;
        self.migrate()?;
        interrupt::check()?;
        self.deploy()?;
        self.state.ready = true;
        self.save()
    }

    /// Starts the receiver of traces and returns its address.
    fn start_receiver(&mut self) -> Result<String> {
        let lasting = self.name == DEV;
        if !lasting {
            let _ = fs::remove_dir_all(tracing::folder(&self.folder));
        }
        ui::step("receiver of traces", || {
            let start = |port| tracing::start(&self.python, &self.folder, port);
            // The port of the daemon on AWS.
            let (started, _) = on_a_port(lasting.then_some(2000), start)?;
            let address = started.address();
            self.state.traces = Some(started);
            self.state.save(&self.folder)?;
            Ok(address)
        })
    }

    fn start_mailbox(&mut self) -> Result<()> {
        let lasting = self.name == DEV;
        if !lasting {
            let _ = fs::remove_dir_all(mailbox::folder(&self.folder));
        }
        ui::step("mail server", || {
            let start = |port| mailbox::start(&self.checkout, &self.python, &self.folder, port);
            let (started, _) = on_a_port(lasting.then_some(1025), start)?;
            self.state.mailbox = Some(started);
            self.state.save(&self.folder)
        })
    }

    /// Runs the pending migrations.
    pub fn migrate(&self) -> Result<()> {
        let database = self.state.database.as_ref().context("the stack has no database yet")?;
        let binary = bin_dir(&self.folder).join("migrate");
        let changed = ui::step("migrations", || {
            migrations::run(&binary, &database.variables(&database.migrator), &migrations::Command::Up)
        })?;
        for name in &changed.changed {
            ui::say(&format!("applied {name}"));
        }
        Ok(())
    }

    /// Deploys template.yaml as it is now.
    pub fn deploy(&mut self) -> Result<()> {
        ui::step("template.yaml", || {
            deploy::deploy(&self.python, self.checkout.root(), &self.folder, self.name, &mut self.state)
        })
    }

    /// Leaves everything running when this command ends.
    pub fn detach(mut self) -> Result<State> {
        self.state.owner = None;
        self.save()?;
        Ok(self.state)
    }

    /// Ends everything that was started.
    pub fn stop(&mut self) {
        if let Err(error) = end(&self.checkout, self.name, &self.state) {
            ui::report(&error);
        }
        self.state = State::default();
    }

    /// Notes what is known, for other commands.
    pub fn save(&self) -> Result<()> {
        self.state.save(&self.folder)
    }

    fn start_database(&mut self, tls: Option<&Certificates>) -> Result<()> {
        if self.state.database.is_some() {
            ui::say("Postgres: uses DATABASE_URL");
            return Ok(());
        }
        let lasting = self.name == DEV;
        ui::step("Postgres", || {
            if !lasting {
                Postgres::delete(&self.checkout, self.name)?;
            }
            let distribution = if tls.is_some() { &WITH_TLS } else { &EMBEDDED };
            let postgres = Postgres::prepare_from(distribution, &self.checkout, &self.python, self.name)?;
            let mut settings = Vec::new();
            if let Some(Certificates { certificate, key, .. }) = tls {
                postgres.certify(certificate, key)?;
                settings.extend(["ssl=on", "autovacuum_naptime=5"]);
            }
            let start = |port| postgres.start_with(port, &settings);
            let (identity, port) = on_a_port(lasting.then_some(5440), start)?;
            self.state.postgres = Some(identity);
            self.state.save(&self.folder)?;
            self.state.database = Some(postgres.set_up(&self.checkout, port)?);
            self.state.save(&self.folder)
        })
    }
}

fn already(name: &str) -> String {
    if name != DEV {
        return format!("`cargo xtask {name}` is already running in this checkout; wait for its end");
    }
    "the stack is already running: `cargo xtask env` prints its addresses, `cargo xtask down` stops it"
        .to_owned()
}

/// Starts a server on the usual port, or on a free one when that is taken.
fn on_a_port<T>(usual: Option<u16>, start: impl Fn(u16) -> Result<T>) -> Result<(T, u16)> {
    if let Some(port) = usual
        && TcpListener::bind(("127.0.0.1", port)).is_ok()
        && let Ok(started) = start(port)
    {
        return Ok((started, port));
    }
    let mut attempt = 1;
    loop {
        // Another program may take the port first, so there is more than one attempt.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        match start(port) {
            Ok(started) => return Ok((started, port)),
            Err(error) if attempt == 3 => return Err(error),
            Err(_) => attempt += 1,
        }
    }
}
