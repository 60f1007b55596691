//! The two files of a new migration.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::plan::Plan;
use super::read;
use crate::checkout::Checkout;

/// What a new migration says until somebody writes it.
const EMPTY: [&str; 2] = [
    "-- Say why this change is needed, and what it does to existing rows.\n",
    "-- Revert what the .up.sql file did, and say which data is lost.\n",
];

/// Returns what adds an empty migration, with the next number.
pub fn add(checkout: &Checkout, name: &str) -> Result<Plan> {
    let apply = "the statements of both files; `cargo xtask migrate up` applies them";
    Ok(Plan { written: files(checkout, name, EMPTY)?, decisions: vec![apply.to_owned()], ..Plan::default() })
}

/// Returns what removes a migration to which nothing has been written.
pub fn remove(checkout: &Checkout, name: &str) -> Result<Plan> {
    let files = find(checkout, name)?;
    let written = |file: &&String| read(checkout, file).is_ok_and(|text| !EMPTY.contains(&text.as_str()));
    if let Some(file) = files.iter().find(written) {
        bail!("{file} has statements; if no database has applied it, delete both files by hand");
    }
    Ok(Plan { decisions: applied(&files), removed: files, ..Plan::default() })
}

/// Returns the files of a migration with these texts for up and down.
pub(super) fn files(checkout: &Checkout, name: &str, texts: [&str; 2]) -> Result<Vec<(String, String)>> {
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

/// Returns what to do about a removed migration that a database has applied: the runner applies no further one
/// while an applied one has no file.
pub(super) fn applied(removed: &[String]) -> Vec<String> {
    let names = removed.iter().filter_map(|file| file.strip_prefix("migrations/")?.strip_suffix(".up.sql"));
    let advice = |name| {
        format!(
            "if a database has applied {name}: restore the files, run `cargo xtask migrate down`, and remove again"
        )
    };
    names.map(advice).collect()
}

/// Returns the paths of a migration's files.
pub(super) fn find(checkout: &Checkout, name: &str) -> Result<Vec<String>> {
    let files = existing(checkout)?.into_iter().filter(|file| named(file, name));
    let files: Vec<_> = files.map(|file| format!("migrations/{file}")).collect();
    if files.is_empty() {
        bail!("there is no migration `{name}`; write its name without the number")
    }
    Ok(files)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_removed_migration_is_named_once_with_its_remedy() {
        let removed = [
            "core/src/domain/orders/mod.rs",
            "migrations/0042_orders.down.sql",
            "migrations/0042_orders.up.sql",
        ];
        let said = applied(&removed.map(str::to_owned));
        let [said] = &said[..] else { panic!("{said:?}") };
        assert!(said.contains("0042_orders:") && said.contains("`cargo xtask migrate down`"), "{said}");
        assert!(applied(&["core/src/domain/orders/mod.rs".to_owned()]).is_empty());
    }
}
