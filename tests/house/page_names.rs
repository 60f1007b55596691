//! A page names no function, type or test that the sources do not have.
//!
//! The pages of decisions are left out, because they describe the sources of their day.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where the sources are.
const FOLDERS: [&str; 6] = ["catalogue", "core", "functions", "migrations", "tests", "xtask"];

fn files(mut folders: Vec<PathBuf>, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known)) {
                found.push(path);
            }
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// Returns the names in backticks of a page that are before `(` or next to `::`.
fn names(page: &str) -> BTreeSet<&str> {
    let outside = page.split("```").step_by(2);
    let spans = outside.flat_map(|text| text.split('`').skip(1).step_by(2));
    spans.flat_map(names_of).collect()
}

fn names_of(span: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (place, mark) in span.match_indices("::").chain(span.match_indices('(')) {
        let before = span[..place].rsplit(|c| !is_word(c)).next();
        let after = span[place + mark.len()..].split(|c| !is_word(c)).next();
        found.extend(before.into_iter().chain(after.filter(|_| mark == "::")));
    }
    found.into_iter().flat_map(words).collect()
}

/// Returns the names of a page that are no words of the sources. One that ends in `_` is the beginning of a word.
fn unknown<'a>(page: &'a str, known: &BTreeSet<&str>) -> Vec<&'a str> {
    let is_known = |name: &str| match known.range(name..).next() {
        Some(next) if name.ends_with('_') => next.starts_with(name),
        next => next == Some(&name),
    };
    names(page).into_iter().filter(|name| !is_known(name)).collect()
}

#[test]
fn a_page_names_nothing_that_the_sources_do_not_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: PathBuf| fs::read_to_string(path).expect("a text");
    let sources = files(FOLDERS.map(|folder| root.join(folder)).to_vec(), &["rs", "sql"]);
    let code: Vec<String> = sources.into_iter().map(read).collect();
    let known: BTreeSet<&str> = code.iter().flat_map(|text| words(text)).collect();
    let mut pages = files(vec![root.join("docs")], &["md"]);
    pages.retain(|path| !path.components().any(|part| part.as_os_str() == "decisions"));
    pages.push(root.join("README.md"));
    let mut seen = 0;
    for path in pages {
        let page = fs::read_to_string(&path).expect("a page");
        seen += names(&page).len();
        assert_eq!(unknown(&page, &known), [""; 0], "{}", path.display());
    }
    assert!(seen > 200, "only {seen} names were found");

    // Joined, because this file is one of the sources.
    let [method, function] =
        [["invent", "by", "email"], ["forget", "what", "was"]].map(|words| words.join("_"));
    let page = format!(
        "`app.users()?.create(…)`, `Users::{method}`, `matrix::`\n```\nnothing_at_all(here)\n```\n`{function}(x)`"
    );
    assert_eq!(unknown(&page, &known), [function, method]);
}
