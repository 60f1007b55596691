//! The copy: the project as the work tree has it, changed by one mutant at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Edit, change};
use crate::assets;
use crate::checkout::Checkout;

/// A copy of the project's files, without history, settings and what was built.
#[derive(Debug)]
pub struct Scratch {
    pub folder: PathBuf,
}

impl Scratch {
    /// Copies the work tree, new files included. Files that have not changed are not written, so
    /// that cargo does not rebuild them.
    pub fn refresh(checkout: &Checkout, folder: PathBuf) -> Result<Self> {
        let mut files = checkout.files()?;
        // Git ignores them, but the function `docs` does not build without them.
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

    /// Returns an error that says what to do when an edit does not fit the copy.
    pub fn check(&self, edits: &[Edit]) -> Result<()> {
        change(&self.folder, edits).map(drop)
    }

    /// Does `work` in the copy with the edits applied, and takes them back.
    pub fn with<T>(&self, edits: &[Edit], work: impl FnOnce() -> Result<T>) -> Result<T> {
        let changed = change(&self.folder, edits)?;
        for (file, (_, after)) in &changed {
            self.write(file, after)?;
        }
        let result = work();
        // Written, not given the old time: cargo must see that the file has changed again.
        for (file, (before, _)) in &changed {
            self.write(file, before)?;
        }
        result
    }

    fn write(&self, file: &str, content: &str) -> Result<()> {
        fs::write(self.folder.join(file), content).with_context(|| format!("cannot write {file} in the copy"))
    }
}

/// Removes what the project does not have (any more). An empty folder below `functions/` would be a package without a
/// manifest.
fn remove_others(root: &Path, below: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if name == Path::new(".local") {
            // Tools that tests have installed.
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_others(root, &name, files)?;
            if fs::read_dir(entry.path())?.next().is_none() {
                fs::remove_dir(entry.path())?;
            }
        } else if !files.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_last_file() {
        let root = std::env::temp_dir().join(format!("scratch-{}", std::process::id()));
        for folder in ["functions/zebras/src", "functions/users/src"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
            fs::write(root.join(folder).join("lib.rs"), "").expect("a file");
        }
        let kept = PathBuf::from("functions/users/src/lib.rs");
        remove_others(&root, Path::new(""), &BTreeSet::from([kept.clone()])).expect("it is cleaned");
        let is_left = [root.join("functions/zebras").exists(), root.join(kept).exists()];
        fs::remove_dir_all(&root).expect("it goes");
        assert_eq!(is_left, [false, true]);
    }
}
