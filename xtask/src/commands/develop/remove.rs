//! `cargo xtask remove`: takes away what `cargo xtask new` has written.

use std::fs;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::new::{documents, read};
use crate::checkout::Checkout;
use crate::generate::spec::Endpoint;
use crate::generate::undo::Undo;
use crate::generate::{catalogue, migration, permission};
use crate::interrupt;
use crate::ui;

/// What to remove from the project.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Remove an endpoint that `new endpoint` has written: its folder and its sample events.
    Endpoint {
        /// The name of the function, for example orders-create.
        name: String,
        /// Remove it although its files have changed since.
        #[arg(long)]
        force: bool,
    },
    /// Remove a migration to which nothing has been written.
    Migration {
        /// The name of the migration without its number, for example add_orders.
        name: String,
    },
    /// Remove a permission that `new permission` has written, and its migration.
    Permission {
        /// The word in roles, for example orders:write.
        word: String,
    },
}

pub fn run(what: &What) -> Result<()> {
    interrupt::note()?;
    let checkout = Checkout::find()?;
    let mut undo = Undo::in_checkout(checkout.root());
    match what {
        What::Endpoint { name, force } => {
            checkout.function(name)?;
            if !catalogue::lists(&checkout, name)? {
                bail!(
                    "{} does not list {name}, so it is no endpoint; remove its folder by hand",
                    catalogue::FILE
                );
            }
            let files = files(&checkout, name)?;
            if !force {
                unchanged(&checkout, name, &files)?;
            }
            remove(&mut undo, &files)?;
            documents(&checkout, &mut undo)?;
        }
        What::Migration { name } => {
            let files = migration::find(&checkout, name)?;
            let written =
                |file: &&String| read(&checkout, file).is_ok_and(|text| !migration::is_empty(&text));
            if let Some(file) = files.iter().find(written) {
                bail!("{file} has statements; if no database has applied it, delete both files by hand");
            }
            remove(&mut undo, &files)?;
        }
        What::Permission { word } => {
            let removal = permission::without(&checkout, word)?;
            for (file, text) in &removal.edited {
                undo.write(file, text)?;
            }
            remove(&mut undo, &removal.removed)?;
            documents(&checkout, &mut undo)?;
        }
    }
    undo.keep();
    Ok(())
}

fn remove(undo: &mut Undo, files: &[String]) -> Result<()> {
    for file in files {
        undo.remove(file)?;
        ui::say(&format!("removed {file}"));
    }
    Ok(())
}

/// Fails if a file of the endpoint is not as `new` would write it.
fn unchanged(checkout: &Checkout, name: &str, files: &[String]) -> Result<()> {
    let written = Endpoint::read(checkout, name).map(|endpoint| endpoint.files()).transpose()?;
    let written = written.unwrap_or_default();
    let changed = files.iter().filter(|file| {
        let now = fs::read_to_string(checkout.root().join(file)).ok();
        now != written.iter().find(|(path, _)| path == *file).map(|(_, text)| text.clone())
    });
    let changed: Vec<_> = changed.map(String::as_str).collect();
    if changed.is_empty() {
        return Ok(());
    }
    bail!(
        "{name} is not as `new endpoint` wrote it; --force deletes your changes in: {}",
        changed.join(", ")
    );
}

/// Returns all files of the function, as paths in the checkout.
fn files(checkout: &Checkout, name: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![format!("functions/{name}")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(checkout.root().join(&folder))? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for entry in fs::read_dir(checkout.root().join("events"))? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')) {
            files.push(format!("events/{file}"));
        }
    }
    files.sort();
    Ok(files)
}
