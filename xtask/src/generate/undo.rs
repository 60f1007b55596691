//! Files that are written all together or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The files as they were. Dropped without [`Undo::keep`], it writes them back.
#[derive(Debug)]
pub struct Undo {
    root: PathBuf,
    before: BTreeMap<String, Option<Vec<u8>>>,
    keep: bool,
}

impl Undo {
    #[must_use]
    pub fn in_checkout(root: &Path) -> Self {
        Self { root: root.to_path_buf(), before: BTreeMap::new(), keep: false }
    }

    /// Remembers a file that a tool will write.
    pub fn remember(&mut self, file: &str) {
        let content = fs::read(self.root.join(file)).ok();
        self.before.entry(file.to_owned()).or_insert(content);
    }

    pub fn write(&mut self, file: &str, text: &str) -> Result<()> {
        self.remember(file);
        let path = self.root.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {file}"))
    }

    /// Removes a file and the folders that are empty then.
    pub fn remove(&mut self, file: &str) -> Result<()> {
        self.remember(file);
        fs::remove_file(self.root.join(file)).with_context(|| format!("cannot remove {file}"))?;
        self.remove_empty_folders(file);
        Ok(())
    }

    /// Leaves the files as they are now.
    pub fn keep(mut self) {
        self.keep = true;
    }

    fn remove_empty_folders(&self, file: &str) {
        for folder in Path::new(file).ancestors().skip(1).filter(|folder| folder.components().count() > 1) {
            // Fails, as it should, for a folder that is not empty.
            if fs::remove_dir(self.root.join(folder)).is_err() {
                break;
            }
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        for (file, content) in &self.before {
            let path = self.root.join(file);
            let restored = match content {
                Some(content) if fs::read(&path).is_ok_and(|now| now == *content) => Ok(()),
                Some(content) => {
                    path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content))
                }
                None if path.exists() => fs::remove_file(&path),
                None => Ok(()),
            };
            if let Err(error) = restored {
                crate::ui::say(&format!("{file}: could not be restored ({error}); compare it with git"));
            } else if content.is_none() {
                self.remove_empty_folders(file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("undo-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("functions")).unwrap();
        fs::write(folder.join("kept"), "before").unwrap();
        folder
    }

    fn change(undo: &mut Undo) {
        undo.write("functions/new/src/lib.rs", "text").unwrap();
        undo.write("kept", "after").unwrap();
    }

    #[test]
    fn without_keep_everything_is_as_before() {
        let root = folder("drop");
        let mut undo = Undo::in_checkout(&root);
        change(&mut undo);
        drop(undo);
        assert_eq!(fs::read_to_string(root.join("kept")).unwrap(), "before");
        assert_eq!(fs::read_dir(root.join("functions")).unwrap().count(), 0);
        let mut undo = Undo::in_checkout(&root);
        undo.remove("kept").unwrap();
        drop(undo);
        assert_eq!(fs::read_to_string(root.join("kept")).unwrap(), "before");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn with_keep_everything_stays() {
        let root = folder("keep");
        let mut undo = Undo::in_checkout(&root);
        change(&mut undo);
        undo.keep();
        assert_eq!(fs::read_to_string(root.join("kept")).unwrap(), "after");
        assert!(root.join("functions/new/src/lib.rs").is_file());
        fs::remove_dir_all(root).unwrap();
    }
}
