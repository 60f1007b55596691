//! A PgBouncer of a test's own, on the loopback address: it pools transactions or sessions in front of
//! Postgres, as a proxy in production may.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use nix::unistd::{User, geteuid};

use crate::checkout::{Checkout, private_file, random_hex};
use crate::install::debian::Unpacked;
use crate::server::Server;
use crate::stack::database::Database;
use crate::stack::nobody;

/// Ends when it is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    _server: Server,
    folder: PathBuf,
}

impl PgBouncer {
    /// Starts it in front of this server and waits until it answers. `mode` is what it pools: `transaction` or
    /// `session`. Returns `None` on a machine without Debian's packages. Every role of the server may log in.
    pub fn start(checkout: &Checkout, database: &Database, port: u16, mode: &str) -> Result<Option<Self>> {
        let Some(package) = Unpacked::ready(checkout, "pgbouncer")? else { return Ok(None) };
        // It refuses to run as root, and then its files lie where `nobody` can read them.
        let runs_as = if geteuid().is_root() { User::from_name("nobody")? } else { None };
        let folder = match &runs_as {
            Some(_) => nobody::folder(checkout)?.join(format!("pgbouncer-{}", random_hex(4)?)),
            None => checkout.root().join(format!(".local/pgbouncer-{}", random_hex(4)?)),
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let program = copy(&package.file("usr/sbin/pgbouncer"), &folder)?;
        for library in package.libraries().iter().filter_map(|from| fs::read_dir(from).ok()).flatten() {
            let library = library?.path();
            if library.is_file() {
                copy(&library, &folder)?;
            }
        }
        let config = folder.join("pgbouncer.ini");
        private_file(&config, &settings(database, port, mode, &folder))?;
        let administrator = &database.administrator;
        let users = folder.join("users.txt");
        private_file(&users, &format!("\"{}\" \"{}\"\n", administrator.user, administrator.password))?;
        let mut command = Command::new(program);
        command.arg(&config).env("LD_LIBRARY_PATH", &folder).current_dir(&folder);
        if let Some(user) = &runs_as {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
            for path in [&config, &users] {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
            }
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        Ok(Some(Self { _server: Server::start(&mut command, port)?, folder }))
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf> {
    let target = to.join(from.file_name().unwrap_or_default());
    fs::copy(from, &target).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
    Ok(target)
}

/// How many connections to Postgres a role has.
pub const SERVER_CONNECTIONS: i64 = 8;

/// Nothing that clients send is ignored: what PgBouncer refuses by default has to be refused here, too.
fn settings(database: &Database, port: u16, mode: &str, folder: &Path) -> String {
    format!(
        "[databases]
         * = host={host} port={server}
         [pgbouncer]
         listen_addr = 127.0.0.1
         listen_port = {port}
         unix_socket_dir =
         pool_mode = {mode}
         auth_type = scram-sha-256
         auth_file = {folder}/users.txt
         auth_user = {administrator}
         max_client_conn = 1000
         default_pool_size = {SERVER_CONNECTIONS}
         server_idle_timeout = 2
         ",
        host = database.host,
        server = database.port,
        folder = folder.display(),
        administrator = database.administrator.user,
    )
    .replace("\n         ", "\n")
}
