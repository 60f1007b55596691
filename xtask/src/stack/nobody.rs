//! Postgres and PgBouncer for root. They refuse to run as root, so they run as `nobody`. Their programs
//! and data then lie outside the checkout, in a folder that `nobody` can enter.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::unistd::geteuid;

use super::distribution::Distribution;
use crate::checkout::Checkout;

/// A folder of this checkout that every user can enter and only root can write.
pub(crate) fn folder(checkout: &Checkout) -> Result<PathBuf> {
    let open = |path: &Path| path.metadata().is_ok_and(|about| about.mode() & 0o001 != 0);
    let temporary = std::env::temp_dir();
    let base = [temporary.as_path(), Path::new("/tmp"), Path::new("/var/tmp")]
        .into_iter()
        .find(|path| path.ancestors().all(open))
        .context("Postgres needs a temporary folder that every user can enter; set TMPDIR to one")?;
    let mut hasher = DefaultHasher::new();
    checkout.root().hash(&mut hasher);
    let folder = base.join(format!("xtask-postgres-{:016x}", hasher.finish()));
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", folder.display()));
        }
        _ => {}
    }
    let about = fs::symlink_metadata(&folder)?;
    if !about.is_dir() || about.uid() != geteuid().as_raw() {
        bail!("{} belongs to another user; delete it as that user", folder.display());
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// Copies the binaries to where `nobody` can run them; once for each version.
pub(super) fn copy_programs(distribution: &Distribution, packages: &Path, shared: &Path) -> Result<PathBuf> {
    // Two stacks that start together copy once.
    let lock = fs::File::create(shared.join("lock"))?;
    lock.lock()?;
    let package = distribution.package;
    let version = fs::read_dir(packages)?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find(|name| name.starts_with(&format!("{package}-")))
        .with_context(|| format!("{package} is not installed; delete .local/python and try again"))?;
    let target = shared.join(version);
    let programs = target.join(package).join("pginstall/bin");
    if programs.exists() {
        return Ok(programs);
    }
    let partial = shared.join("copying");
    let _ = fs::remove_dir_all(&partial);
    let _ = fs::remove_dir_all(&target);
    // The binaries find the libraries in the folder next to them.
    let inside = Path::new(package).join("pginstall");
    copy(&packages.join(&inside), &partial.join(&inside))?;
    if let Some(libraries) = distribution.libraries {
        copy(&packages.join(libraries), &partial.join(libraries))?;
    }
    fs::rename(&partial, &target)?;
    Ok(programs)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for folder in to.ancestors().take(3) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if fs::metadata(entry.path())?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            let mode = fs::metadata(entry.path())?.mode() | 0o444;
            fs::copy(entry.path(), &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}
