//! What one command of `new` or `remove` changes.

use std::fs;

use anyhow::{Result, bail};

use super::undo::Undo;
use crate::checkout::Checkout;
use crate::ui;

/// The changes of one command, and what it says afterwards.
#[derive(Debug, Default)]
pub struct Plan {
    /// New and edited files, each with its whole text.
    pub written: Vec<(String, String)>,
    pub removed: Vec<String>,
    /// Whether template.yaml and the documents follow from the files.
    pub documents: bool,
    /// What only a person can decide.
    pub decisions: Vec<String>,
    /// The arguments for `cargo xtask test -- -p app-tests` that run its tests.
    pub tests: Option<String>,
}

impl Plan {
    /// Writes and removes the files, and says which.
    pub fn apply(&self, undo: &mut Undo) -> Result<()> {
        for (file, text) in &self.written {
            undo.write(file, text)?;
            ui::say(&format!("wrote {file}"));
        }
        for file in &self.removed {
            undo.remove(file)?;
            ui::say(&format!("removed {file}"));
        }
        Ok(())
    }

    /// Prints what a person does next.
    pub fn say_the_rest(&self) {
        if !self.decisions.is_empty() {
            ui::heading("Decide");
        }
        for (number, decision) in self.decisions.iter().enumerate() {
            ui::say(&format!("{}. {decision}", number + 1));
        }
        if let Some(tests) = &self.tests {
            ui::heading("Test");
            ui::say(&format!("cargo xtask test -- -p app-tests {tests}"));
        }
    }
}

/// Fails if one of the files is not as `new` would write it. `what` is the kind and the name.
pub(super) fn unchanged(
    checkout: &Checkout,
    what: &str,
    files: &[String],
    written: &[(String, String)],
) -> Result<()> {
    let changed = files.iter().filter(|file| {
        let now = fs::read_to_string(checkout.root().join(file)).ok();
        now.as_ref() != written.iter().find(|(path, _)| path == *file).map(|(_, text)| text)
    });
    let changed: Vec<_> = changed.map(String::as_str).collect();
    if changed.is_empty() {
        return Ok(());
    }
    bail!("{what} is not as `new` wrote it; --force deletes your changes in: {}", changed.join(", "));
}
