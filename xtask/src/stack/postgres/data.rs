//! The folder of a server's data: where it is, its first content, and its end.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::unistd::geteuid;

use super::Postgres;
use crate::checkout::{Checkout, private_file};
use crate::stack::nobody;
use crate::ui;

/// Next to the data: data of an earlier checkout in this folder.
const ASIDE: &str = "postgres-of-an-earlier-checkout";

impl Postgres {
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

    /// Makes the server a replica from its next start on. It follows no other server, and can be promoted.
    pub fn make_replica(&self) -> Result<()> {
        private_file(&self.data().join("standby.signal"), "")?;
        if let Some(user) = &self.runs_as {
            chown(self.data().join("standby.signal"), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(())
    }

    /// Replaces the data by a copy of a running server's, and makes this server a replica that follows it.
    pub fn follow(&mut self, primary: &Self, port: u16) -> Result<()> {
        let data = self.data();
        fs::remove_dir_all(&data)?;
        self.make_data_folder()?;
        self.passwords = primary.passwords.clone();
        let output = self
            .command("pg_basebackup")
            // It writes the password into the settings of the copy.
            .env("PGPASSWORD", &self.passwords.postgres)
            .args(["--host=127.0.0.1", &format!("--port={port}"), "--username=postgres"])
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .context("cannot start pg_basebackup")?;
        if !output.status.success() {
            bail!("the server could not be copied: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Removes the data of a stack.
    pub fn delete(checkout: &Checkout, stack: &str) -> Result<()> {
        let dirs = data_dirs(checkout, stack)?;
        for folder in dirs.iter().flat_map(|data| [data.clone(), data.with_file_name(ASIDE)]) {
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        Ok(())
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.join("postgres")
    }

    /// Moves data away whose passwords are lost. For root it lies outside the checkout, so it outlives a checkout that
    /// was deleted, and the next clone in the same folder finds it.
    pub(super) fn set_data_aside(&self) -> Result<()> {
        let (data, aside) = (self.data(), self.home.join(ASIDE));
        if !data.exists() {
            return Ok(());
        }
        let _ = fs::remove_dir_all(&aside);
        fs::rename(&data, &aside).with_context(|| format!("cannot move {}", data.display()))?;
        ui::say(&format!(
            "Postgres: {} has no password for the data that is there, and starts empty. The data is in {}",
            data.display(),
            aside.display()
        ));
        Ok(())
    }

    pub(super) fn initialise(&self) -> Result<()> {
        let data = self.data();
        if data.join("PG_VERSION").exists() && data.join("global").exists() {
            return Ok(());
        }
        // Anything else there is the rest of an initialisation that was interrupted.
        let _ = fs::remove_dir_all(&data);
        self.make_data_folder()?;
        let password = self.home.join("password");
        private_file(&password, &self.passwords.postgres)?;
        if let Some(user) = &self.runs_as {
            chown(&password, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
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

    fn make_data_folder(&self) -> Result<()> {
        let data = self.data();
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        if let Some(user) = &self.runs_as {
            fs::set_permissions(&self.home, fs::Permissions::from_mode(0o755))?;
            chown(&data, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(())
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
