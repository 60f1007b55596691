//! The two files of a new migration.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::checkout::Checkout;

/// What a new migration says until somebody writes it.
const EMPTY: [&str; 2] = [
    "-- Say why this change is needed, and what it does to existing rows.\n",
    "-- Revert what the .up.sql file did, and say which data is lost.\n",
];

/// Returns the files of an empty migration, with the next number.
pub fn empty(checkout: &Checkout, name: &str) -> Result<Vec<(String, String)>> {
    files(checkout, name, EMPTY)
}

/// Returns the files of a migration with these texts for up and down.
pub fn files(checkout: &Checkout, name: &str, texts: [&str; 2]) -> Result<Vec<(String, String)>> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if name.is_empty() || !name.bytes().all(allowed) {
        bail!(
            "`{name}` is not a valid name for a migration; use lower-case letters, digits and _, as in add_orders"
        );
    }
    let existing = existing(checkout)?;
    if let Some(file) = existing.iter().find(|file| named(file, name)) {
        bail!("a migration of that name exists: migrations/{file}; choose another name");
    }
    let last = existing.iter().filter_map(|file| file.split('_').next()?.parse::<u32>().ok()).max();
    let stem = format!("migrations/{:04}_{name}", last.unwrap_or(0) + 1);
    let directions = ["up", "down"].into_iter().zip(texts);
    Ok(directions.map(|(direction, text)| (format!("{stem}.{direction}.sql"), text.to_owned())).collect())
}

/// Returns the paths of a migration's files.
pub fn find(checkout: &Checkout, name: &str) -> Result<Vec<String>> {
    let files = existing(checkout)?.into_iter().filter(|file| named(file, name));
    let files: Vec<_> = files.map(|file| format!("migrations/{file}")).collect();
    if files.is_empty() {
        bail!("there is no migration `{name}`; write its name without the number")
    }
    Ok(files)
}

/// Whether a file has the text that `empty` has written.
pub fn is_empty(text: &str) -> bool {
    EMPTY.contains(&text)
}

fn existing(checkout: &Checkout) -> Result<Vec<String>> {
    let folder = checkout.root().join("migrations");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Whether this is one of the two files of a migration: `0001_NAME.up.sql`.
fn named(file: &str, name: &str) -> bool {
    let stem = file.strip_suffix(".up.sql").or_else(|| file.strip_suffix(".down.sql"));
    stem.and_then(|stem| stem.split_once('_')).is_some_and(|(_, rest)| rest == name)
}
