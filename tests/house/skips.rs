//! Tests and commands that leave something out say so by one function, which refuses to in CI.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How what [`xtask::skip::skip`] writes begins, in two parts, so that this file does not contain it.
const WORD: [&str; 2] = ["SKIP", "PED:"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut found = Vec::new();
    for path in entries.filter(|path| !path.ends_with("node_modules")) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| ["rs", "mjs", "py"].iter().any(|known| kind == *known))
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn only_one_function_says_that_something_was_skipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let says_so = |path: &PathBuf| fs::read_to_string(path).expect("a source").contains(&WORD.concat());
    let files = ["tests", "xtask"].map(|folder| sources(&root.join(folder))).concat();
    let found: Vec<_> = files.into_iter().filter(says_so).collect();
    assert_eq!(found, [root.join("xtask/src/skip.rs")], "use xtask::skip::skip");
}

#[test]
fn no_test_is_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let ignored = ["#[", "ignore"].concat();
    let files =
        ["tests", "xtask", "core/src", "functions"].map(|folder| sources(&root.join(folder))).concat();
    let found: Vec<_> =
        files.iter().filter(|path| fs::read_to_string(path).expect("a source").contains(&ignored)).collect();
    assert!(found.is_empty(), "these hold tests that nobody runs: {found:?}");
}
