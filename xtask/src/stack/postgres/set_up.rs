//! The database of a stack, its roles and their passwords.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Postgres;
use super::passwords::Passwords;
use crate::checkout::Checkout;
use crate::stack::database::{Database, Login};

const DATABASE: &str = "app";

/// What `psql` printed.
struct Said {
    rows: String,
    warnings: String,
}

impl Postgres {
    /// Makes the database and the roles, or brings them up to date.
    pub fn set_up(&self, checkout: &Checkout, port: u16) -> Result<Database> {
        self.make_roles(checkout, port, DATABASE, true)?;
        Ok(self.logins(port))
    }

    /// The database and its users, as [`Self::set_up`] makes them.
    #[must_use]
    pub fn logins(&self, port: u16) -> Database {
        let login =
            |user: &str, password: &str| Login { user: user.to_owned(), password: password.to_owned() };
        Database {
            host: "127.0.0.1".to_owned(),
            port,
            name: DATABASE.to_owned(),
            administrator: login("postgres", &self.passwords.postgres),
            migrator: login("migrator", &self.passwords.migrator),
            app: login("app", &self.passwords.app),
            operations: login("operations", &self.passwords.operations),
        }
    }

    /// Makes this database, if it is not there, and runs migrations/roles.sql in it. Returns the warnings.
    /// `whole_server`: the server belongs to this project alone.
    pub fn make_roles(
        &self,
        checkout: &Checkout,
        port: u16,
        database: &str,
        whole_server: bool,
    ) -> Result<String> {
        self.make_roles_as(None, checkout, port, database, whole_server)
    }

    /// The same as an administrator who is no superuser, as in a managed database.
    pub fn make_roles_as(
        &self,
        administrator: Option<&str>,
        checkout: &Checkout,
        port: u16,
        database: &str,
        whole_server: bool,
    ) -> Result<String> {
        let exists = format!("select 1 from pg_database where datname = '{database}'");
        if self.psql(port, "postgres", &exists)?.rows.trim().is_empty() {
            self.psql(port, "postgres", &format!("create database {database}"))?;
        }
        let Passwords { migrator, app, operations, .. } = &self.passwords;
        let becomes =
            administrator.map_or_else(String::new, |name| format!("set session authorization {name};\n"));
        let script = format!(
            "{becomes}\\set whole_server {}\n\\set migrator_password {migrator}\n\\set app_password {app}\n\
             \\set operations_password {operations}\n\\i '{}'\n",
            if whole_server { "yes" } else { "no" },
            checkout.root().join("migrations/roles.sql").display(),
        );
        let said = self.psql(port, database, &script).context("cannot run migrations/roles.sql")?;
        Ok(said.warnings)
    }

    /// Makes a replica a primary server, and waits until it is one.
    pub fn promote(&self, port: u16) -> Result<()> {
        self.psql(port, "postgres", "select pg_promote()").map(drop)
    }

    /// Makes the primary server read-only. Its connections stay open.
    pub fn make_read_only(&self, port: u16) -> Result<()> {
        let script = "alter system set default_transaction_read_only = on;\nselect pg_reload_conf()";
        self.psql(port, "postgres", script).map(drop)
    }

    /// Waits until a replica of this server has all that this server has written.
    pub fn wait_for_replica(&self, port: u16, replica: u16) -> Result<()> {
        let written = self.psql(port, "postgres", "select pg_current_wal_lsn()")?.rows;
        let has_it = format!("select pg_last_wal_replay_lsn() >= '{}'", written.trim());
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.psql(replica, "postgres", &has_it)?.rows.trim() != "t" {
            if Instant::now() >= deadline {
                bail!("the replica did not catch up within 30 seconds");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Runs a script as the administrator. It comes by stdin: a command line shows its passwords.
    fn psql(&self, port: u16, database: &str, script: &str) -> Result<Said> {
        let mut child = Command::new(self.programs.join("psql"))
            .env("PGPASSWORD", &self.passwords.postgres)
            // Nothing of the caller's own Postgres settings.
            .env_remove("PGSERVICE")
            .env_remove("PGOPTIONS")
            .env_remove("PGHOSTADDR")
            .env_remove("PGSSLMODE")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--username=postgres"])
            .arg(format!("--port={port}"))
            .arg(format!("--dbname={database}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start psql")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(script.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("Postgres refused the script: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { rows: text(&output.stdout), warnings: text(&output.stderr) })
    }
}
