//! The copy: the project as the work tree has it, changed by one patch at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::git_apply;
use crate::assets;
use crate::checkout::Checkout;

/// A copy of the project's files, without history, settings and what was built.
#[derive(Debug)]
pub struct Scratch {
    pub folder: PathBuf,
}

impl Scratch {
    /// Brings the copy to what the work tree is now, new files included. Files that are the same
    /// stay as they are, so that cargo builds nothing anew for them.
    pub fn refresh(checkout: &Checkout, folder: PathBuf) -> Result<Self> {
        let mut files = files(checkout.root())?;
        // Git-ignored, and nothing that names the function `docs` builds without them.
        files.extend(assets::files(checkout.root()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        remove_others(&folder, Path::new(""), &files)?;
        for file in &files {
            let content = fs::read(checkout.root().join(file))?;
            let target = folder.join(file);
            if fs::read(&target).is_ok_and(|old| old == content) {
                continue;
            }
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&target, content).with_context(|| format!("cannot write {}", target.display()))?;
        }
        Ok(Self { folder })
    }

    /// An error with what git says when the patch does not apply.
    pub fn check(&self, patch: &Path) -> Result<()> {
        git_apply(&self.folder, &["--check"], patch).map(drop)
    }

    /// Does `work` in the copy with the patch applied, and takes the patch back.
    pub fn with<T>(&self, patch: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let touched = git_apply(&self.folder, &["--numstat", "-z"], patch)?;
        let touched = touched.split('\0').filter_map(|entry| entry.splitn(3, '\t').nth(2));
        let before: Vec<_> =
            touched.map(|path| self.folder.join(path)).map(|path| (fs::read(&path).ok(), path)).collect();
        if before.is_empty() {
            bail!("the patch changes no file");
        }
        git_apply(&self.folder, &[], patch)?;
        let result = work();
        for (content, path) in before {
            // Written, not given its old time: cargo must see that it is another file again.
            match content {
                Some(content) => fs::write(&path, content),
                None => fs::remove_file(&path),
            }
            .with_context(|| format!("cannot restore {}", path.display()))?;
        }
        result
    }
}

/// What git tracks, and what it would: as it lies in the work tree.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        bail!("git cannot list the files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let names = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    // Deleted and not yet committed: git still lists it.
    Ok(names.filter(|name| root.join(name).is_file()).collect())
}

/// Removes what the project does not have (any more).
fn remove_others(root: &Path, below: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            remove_others(root, &name, files)?;
        } else if !files.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
