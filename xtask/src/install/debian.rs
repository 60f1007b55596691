//! Programs from Debian's packages, unpacked into `.local/` and not installed: it needs no root.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::checkout::{Checkout, private_dir};
use crate::ui;

/// A package, unpacked together with the libraries that this machine lacks.
#[derive(Debug)]
pub struct Unpacked {
    folder: PathBuf,
}

impl Unpacked {
    /// Returns the package, downloaded first if it is not there, or `None` where there is no apt.
    pub fn ready(checkout: &Checkout, package: &str) -> Result<Option<Self>> {
        if !there_is("apt-get") || !there_is("dpkg-deb") {
            return Ok(None);
        }
        let local = checkout.root().join(".local");
        private_dir(&local)?;
        let folder = local.join(package);
        // Two commands started together download once.
        let lock = File::create(local.join(format!("{package}.lock"))).context("cannot write in .local")?;
        lock.lock()?;
        if !folder.exists() {
            ui::step(&format!("unpacking {package} into .local/{package}, once"), || {
                let partial = local.join(format!("{package}.partial"));
                let _ = fs::remove_dir_all(&partial);
                private_dir(&partial)?;
                unpack(package, &partial, &local)?;
                fs::rename(&partial, &folder).with_context(|| format!("cannot rename {}", partial.display()))
            })?;
        }
        Ok(Some(Self { folder }))
    }

    /// Returns a file of the package by its path on an installed system, without the first slash.
    #[must_use]
    pub fn file(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Returns the folders of the unpacked libraries, one for each kind of machine: usually one.
    #[must_use]
    pub fn libraries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.join("usr/lib")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }
}

fn there_is(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn unpack(package: &str, folder: &Path, local: &Path) -> Result<()> {
    let archives = folder.join("archives");
    private_dir(&archives)?;
    let mut lists = None;
    let mut download = |name: &str| -> Result<()> {
        if apt(&["download", name], &archives, lists.as_deref()).is_ok() {
            return Ok(());
        }
        // The system's lists are absent or too old; only root may renew those.
        let own = local.join("apt");
        private_dir(&own.join("lists/partial"))?;
        private_dir(&own.join("cache/archives/partial"))?;
        apt(&["update"], &archives, Some(&own))?;
        lists = Some(own);
        apt(&["download", name], &archives, lists.as_deref())
    };
    download(package)?;
    for library in missing_libraries(&archives)? {
        download(&library)?;
    }
    for archive in debs(&archives)? {
        run(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(folder))?;
    }
    fs::remove_dir_all(&archives).context("cannot remove the downloaded archives")
}

fn apt(arguments: &[&str], folder: &Path, own: Option<&Path>) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--yes"]).current_dir(folder);
    if let Some(own) = own {
        for (key, place) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
            command.arg("-o").arg(format!("{key}={}", own.join(place).display()));
        }
    }
    run(command.args(arguments)).map(drop)
}

/// Returns the libraries that the downloaded package names and this machine does not have.
fn missing_libraries(archives: &Path) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for archive in debs(archives)? {
        let depends = run(Command::new("dpkg-deb").arg("-f").arg(&archive).arg("Depends"))?;
        // As in `libc6 (>= 2.36), libssl3 | libssl3t64`: the first of several that would do.
        let names = depends.split(',').filter_map(|entry| entry.split_whitespace().next());
        missing
            .extend(names.filter(|name| name.starts_with("lib") && !is_installed(name)).map(str::to_owned));
    }
    Ok(missing)
}

fn is_installed(package: &str) -> bool {
    let asked = run(Command::new("dpkg-query").args(["--show", "--showformat=${Status}", package]));
    asked.is_ok_and(|status| status == "install ok installed")
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|kind| kind == "deb")).collect())
}

fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
