//! Public rankings of passwords, and the list of common passwords that is made of them.
//!
//! The list is facts: which passwords many people have chosen. The rankings come from two packages of
//! PyPI, Django and zxcvbn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::install::extra::Extra;
use crate::python::Python;

const PACKAGES: Extra = Extra {
    folder: "rankings",
    title: "rankings of passwords (10 MB)",
    requirements: include_str!("../python/rankings.txt"),
};

/// The list, as the core reads it.
pub const LIST: &str = "core/src/domain/users/password_policy/common.txt";
/// A new password has at least so many characters. Shorter entries are for what people put around them.
pub const SHORTEST_PASSWORD: usize = 8;
/// How many entries of each ranking are taken. Entries shorter than a password do not count.
const TAKEN: usize = 5_000;
const SHORTEST_WORD: usize = 3;

/// Returns each ranking under its name, the most common password first. `python` is the interpreter of
/// `.local/python`.
pub fn read(python: &Python) -> Result<BTreeMap<String, Vec<String>>> {
    let packages = PACKAGES.ready_beside(&python.program())?;
    let log = packages.with_extension("log");
    let rankings = python.run("rankings.py", &json!({ "packages": packages }), &log)?;
    Ok(serde_json::from_value(rankings)?)
}

/// Returns the list in `root` with all that is missing of the rankings.
pub fn complete(root: &Path, rankings: &BTreeMap<String, Vec<String>>) -> Result<String> {
    let list = std::fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let mut words: BTreeSet<String> = list.lines().map(str::to_owned).collect();
    for ranking in rankings.values() {
        words.extend(beginning(ranking).map(str::to_lowercase));
    }
    words.retain(|word| is_useful(word));
    let useful = |word: &&String| bare(word).is_none_or(|bare| bare == **word || !words.contains(bare));
    Ok(words.iter().filter(useful).map(|word| format!("{word}\n")).collect())
}

fn beginning(ranking: &[String]) -> impl Iterator<Item = &str> {
    let mut long = 0;
    ranking.iter().map(String::as_str).take_while(move |password| {
        long += usize::from(password.chars().count() >= SHORTEST_PASSWORD);
        long <= TAKEN
    })
}

/// A short entry is looked for without the digits and signs around it, so it must have none.
fn is_useful(word: &str) -> bool {
    match word.chars().count() {
        0..SHORTEST_WORD => false,
        SHORTEST_WORD..SHORTEST_PASSWORD => {
            word.starts_with(char::is_alphabetic) && word.ends_with(char::is_alphabetic)
        }
        _ => true,
    }
}

/// Returns a password without the digits and signs around it, if they are so few that a year more is
/// still within what the policy ignores.
fn bare(word: &str) -> Option<&str> {
    let bare = word.trim_matches(|c: char| !c.is_alphabetic());
    (word.chars().count() - bare.chars().count() <= 2).then_some(bare)
}
