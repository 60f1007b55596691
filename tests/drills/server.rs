//! A Postgres of a drill's own, that may be treated badly.

use std::{net::TcpListener, time::Duration};

use app_core::{
    config::{self, DatabaseConfig, OutboxConfig, Statements},
    domain::mask::Secret,
};
use nix::sys::signal::Signal;
use tokio_postgres::Config;
use xtask::{
    checkout::Checkout,
    process::Identity,
    python::Python,
    stack::{self, database::Login, postgres::Postgres, state::State},
};

use test_support::wire::database::Database;

/// Their places among the stacks, `.local/drills` and `.local/drills-standby`.
const PRIMARY: &str = "drills";
const STANDBY: &str = "drills-standby";
/// A commit must survive the server. It need not survive the machine, which is never stopped: the system keeps written
/// pages in its memory, so fsync stays off.
const DURABLE: &[&str] = &["synchronous_commit=on", "full_page_writes=on"];

pub(crate) struct Server {
    name: &'static str,
    checkout: Checkout,
    postgres: Postgres,
    process: Identity,
    port: u16,
    settings: Vec<&'static str>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_after(PRIMARY, &[], |_| {})
    }

    /// Starts a server with these settings in addition, such as `max_connections=14`.
    pub(crate) fn with(settings: &[&'static str]) -> Self {
        Self::start_after(PRIMARY, settings, |_| {})
    }

    /// Starts a second server that follows this one.
    pub(crate) fn standby(&self) -> Self {
        Self::start_after(STANDBY, &[], |standby| {
            standby.follow(&self.postgres, self.port).expect("a copy of the primary server");
        })
    }

    fn start_after(
        name: &'static str,
        settings: &[&'static str],
        prepare: impl FnOnce(&mut Postgres),
    ) -> Self {
        let settings = [DURABLE, settings].concat();
        let checkout = Checkout::find().expect("the checkout");
        // What a drill that was killed has left.
        stack::end(&checkout, name, &State::default()).expect("nothing of an earlier drill runs");
        Postgres::delete(&checkout, name).expect("nothing of an earlier drill is left");
        let python = Python::ready(&checkout).expect("the Python tools");
        let mut postgres = Postgres::prepare(&checkout, &python, name).expect("a server");
        prepare(&mut postgres);
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let process = postgres.start_with(port, &settings).expect("it starts");
        Self { name, checkout, postgres, process, port, settings }
    }

    /// Starts it again as a checkout does that was cloned again in the same folder: the passwords are gone, and the
    /// data, which may lie outside the checkout, is still there.
    pub(crate) fn restart_without_passwords(&mut self) {
        self.process.stop(Signal::SIGINT, Duration::from_secs(10));
        let state = self.checkout.state_dir(self.name).expect("its folder");
        std::fs::remove_file(state.join("passwords.json")).expect("the passwords");
        let python = Python::ready(&self.checkout).expect("the Python tools");
        self.postgres = Postgres::prepare(&self.checkout, &python, self.name).expect("a server");
        self.process = self.postgres.start_with(self.port, &self.settings).expect("it starts");
    }

    /// Its one database, with the roles of a real one: the functions are no administrators.
    pub(crate) fn database(&self) -> Database {
        self.database_at(self.port)
    }

    /// The same through another port that leads to this server.
    pub(crate) fn database_at(&self, port: u16) -> Database {
        let made = self.postgres.set_up(&self.checkout, port).expect("roles and a database");
        let Login { user, password } = made.migrator;
        let mut owner = Config::new();
        owner.host(&made.host).port(made.port).dbname(&made.name).user(&user).password(&password);
        Database::on(owner, (made.app.user, made.app.password))
    }

    /// `pg_ctl restart -m immediate`: nothing is finished, the log of changes is replayed.
    pub(crate) fn restart_immediately(&mut self, away: Duration) {
        self.process.stop(Signal::SIGQUIT, Duration::from_secs(10));
        std::thread::sleep(away);
        self.process = self.postgres.start_with(self.port, &self.settings).expect("it starts again");
    }

    /// How to reach one of its databases with this login.
    pub(crate) fn config(
        &self,
        name: &str,
        login: fn(&stack::database::Database) -> &Login,
    ) -> DatabaseConfig {
        let logins = self.postgres.logins(self.port);
        let Login { user, password } = login(&logins).clone();
        DatabaseConfig {
            host: logins.host,
            port: self.port,
            name: name.to_owned(),
            login: config::Login::Inline { user, password: Secret::new(password) }.into(),
            ssl_root_cert: None,
            pool_size: 1,
            statements: Statements::Prepared,
            wait: Duration::from_secs(1),
            outbox: OutboxConfig::default(),
        }
    }

    /// Runs migrations/roles.sql in a database, as an administrator does, and returns its warnings.
    pub(crate) fn make_roles(&self, database: &str, whole_server: bool) -> String {
        let made = self.postgres.make_roles(&self.checkout, self.port, database, whole_server);
        made.expect("the roles are made")
    }

    /// The same as an administrator who is no superuser.
    pub(crate) fn make_roles_as(&self, administrator: &str, database: &str) {
        let postgres = &self.postgres;
        let made = postgres.make_roles_as(Some(administrator), &self.checkout, self.port, database, false);
        made.expect("the roles are made");
    }

    /// Restarts it as a replica, which a server is after a failover.
    pub(crate) fn become_replica(&mut self) {
        self.process.stop(Signal::SIGINT, Duration::from_secs(10));
        self.postgres.make_replica().expect("a replica");
        self.process = self.postgres.start_with(self.port, &self.settings).expect("it starts again");
    }

    /// How one of its users logs in.
    pub(crate) fn login(&self, login: fn(&stack::database::Database) -> &Login) -> Login {
        login(&self.postgres.logins(self.port)).clone()
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        let state = self.checkout.state_dir(self.name).expect("its folder");
        std::fs::read_to_string(state.join("postgres.log")).expect("its log")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Makes the primary server read-only, and leaves its connections open.
    pub(crate) fn become_read_only(&self) {
        self.postgres.make_read_only(self.port).expect("it is read-only");
    }

    /// Waits until this standby has all that the primary server has.
    pub(crate) fn catch_up(&self, primary: &Self) {
        self.postgres.wait_for_replica(primary.port, self.port).expect("it has caught up");
    }

    pub(crate) fn stop(&self) {
        self.process.stop(Signal::SIGINT, Duration::from_secs(10));
    }

    /// Makes the replica a primary server again.
    pub(crate) fn promote(&self) {
        self.postgres.promote(self.port).expect("it is promoted");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if let Err(error) = Postgres::delete(&self.checkout, self.name) {
            eprintln!("the drill's data was left behind: {error}");
        }
    }
}
