//! The embedded Postgres: a server of this stack's own, on the loopback address.
//!
//! Its data outlives the server. It trades durability for speed (no fsync): development data.
//! For root it runs as `nobody`, see the module of that name.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};

use super::database::{Database, Login};
use super::distribution::{Distribution, EMBEDDED};
use super::nobody;
use crate::checkout::{Checkout, private_file, random_hex};
use crate::process::{self, Identity};
use crate::python::Python;

const DATABASE: &str = "app";

/// The server of one stack.
#[derive(Debug)]
pub struct Postgres {
    home: PathBuf,
    programs: PathBuf,
    log: PathBuf,
    runs_as: Option<User>,
    passwords: Passwords,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct Passwords {
    postgres: String,
    migrator: String,
    app: String,
    operations: String,
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
        let passwords = passwords(&state.join("passwords.json"))?;
        let runs_as = if geteuid().is_root() {
            Some(
                User::from_name("nobody")?
                    .context("Postgres does not run as root, and there is no user `nobody`")?,
            )
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
            bail!(
                "there are no Postgres binaries in {}; remove .local/python and try again",
                programs.display()
            );
        }
        let postgres = Self { home, programs, log: state.join("postgres.log"), runs_as, passwords };
        postgres.initialise()?;
        Ok(postgres)
    }

    /// Puts the server's certificate and its key where a server with `ssl=on` looks for them.
    pub fn certify(&self, certificate: &str, key: &str) -> Result<()> {
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            private_file(&path, content)?;
            if let Some(user) = &self.runs_as {
                chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
            }
        }
        Ok(())
    }

    /// Removes the data of a stack.
    pub fn delete(checkout: &Checkout, stack: &str) -> Result<()> {
        for folder in data_dirs(checkout, stack)? {
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        Ok(())
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

    /// Makes the database and the roles, or brings them up to date.
    pub fn set_up(&self, checkout: &Checkout, port: u16) -> Result<Database> {
        let login =
            |user: &str, password: &str| Login { user: user.to_owned(), password: password.to_owned() };
        let database = Database {
            host: "127.0.0.1".to_owned(),
            port,
            name: DATABASE.to_owned(),
            administrator: login("postgres", &self.passwords.postgres),
            migrator: login("migrator", &self.passwords.migrator),
            app: login("app", &self.passwords.app),
            operations: login("operations", &self.passwords.operations),
        };
        let exists = format!("select 1 from pg_database where datname = '{DATABASE}'");
        if self.psql(port, "postgres", &exists)?.trim().is_empty() {
            self.psql(port, "postgres", &format!("create database {DATABASE}"))?;
        }
        let roles = checkout.root().join("migrations/roles.sql");
        let script = format!(
            "\\set migrator_password {}\n\\set app_password {}\n\\set operations_password {}\n\\i '{}'\n",
            database.migrator.password,
            database.app.password,
            database.operations.password,
            roles.display(),
        );
        self.psql(port, DATABASE, &script).context("migrations/roles.sql could not be run")?;
        Ok(database)
    }

    fn data(&self) -> PathBuf {
        self.home.join("postgres")
    }

    fn initialise(&self) -> Result<()> {
        let data = self.data();
        if data.join("PG_VERSION").exists() && data.join("global").exists() {
            return Ok(());
        }
        // Anything else there is the rest of an initialisation that was interrupted.
        let _ = fs::remove_dir_all(&data);
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        if self.runs_as.is_some() {
            fs::set_permissions(&self.home, fs::Permissions::from_mode(0o755))?;
        }
        let password = self.home.join("password");
        private_file(&password, &self.passwords.postgres)?;
        if let Some(user) = &self.runs_as {
            for path in [&data, &password] {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
            }
        }
        let output = self
            .command("initdb")
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"])
            .args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"])
            .arg(format!("--pwfile={}", password.display()))
            .output()
            .context("cannot start initdb")?;
        fs::remove_file(&password)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let _ = fs::remove_dir_all(&data);
            bail!("Postgres could not make its data folder {}: {said}", data.display());
        }
        Ok(())
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
                     If its data is damaged, `cargo xtask down --delete-data` begins anew",
                    last.join("\n    ")
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a script as the administrator. It comes by stdin: a command line shows its passwords.
    fn psql(&self, port: u16, database: &str, script: &str) -> Result<String> {
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
            bail!("Postgres refused: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A command that runs as the user that Postgres accepts, with an environment of its own.
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

/// Where a stack's data may lie. Two places for root, who may once have been somebody else.
pub fn data_dirs(checkout: &Checkout, stack: &str) -> Result<Vec<PathBuf>> {
    let mut folders = vec![checkout.state_dir(stack)?.join("postgres")];
    if geteuid().is_root() {
        folders.push(nobody::folder(checkout)?.join(stack).join("postgres"));
    }
    Ok(folders)
}

/// Whether a command line is that of a server on one of these data folders.
#[must_use]
pub fn is_of(words: &[String], data: &[PathBuf]) -> bool {
    matches!(words, [program, option, folder, ..]
        if program.ends_with("/postgres") && option == "-D" && data.iter().any(|data| Path::new(folder) == data))
}

fn passwords(path: &Path) -> Result<Passwords> {
    let known = fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut passwords: Passwords = known.unwrap_or_default();
    let Passwords { postgres, migrator, app, operations } = &mut passwords;
    for password in [postgres, migrator, app, operations] {
        // A file of an earlier version may lack one. The others stay: the data on disk knows them.
        if password.is_empty() {
            *password = random_hex(16)?;
        }
    }
    private_file(path, &serde_json::to_string(&passwords)?)?;
    Ok(passwords)
}
