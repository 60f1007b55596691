//! The table of holes in docs/security.md: each has a test, each test exists, and each test that is named after a hole
//! is in the table.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::asvs::{is_test, root};

/// Returns a row of the table: the number of the hole, and its tests.
fn row(line: &str) -> Option<(&str, Vec<&str>)> {
    let (hole, rest) = line.strip_prefix("| H")?.split_once(" | ")?;
    Some((hole, rest.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect()))
}

/// Returns the hole in the name of a test function, and the rest of the name: `7` and `a_flood` for `h7_a_flood`.
fn hole(rest: &str) -> Option<(&str, &str)> {
    let (hole, name) = rest[..rest.find('(')?].split_once('_')?;
    hole.bytes().all(|b| b.is_ascii_digit()).then_some((hole, name))
}

fn in_names(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("fn h").skip(1).filter_map(hole)
}

fn faults(root: &Path, page: &str, tests: &[String]) -> Vec<String> {
    let named: BTreeMap<&str, Vec<&str>> = page.lines().filter_map(row).collect();
    let mut faults = Vec::new();
    for (hole, tests) in &named {
        if tests.is_empty() {
            faults.push(format!("H{hole} has no test"));
        }
        let missing = tests.iter().filter(|name| !is_test(root, name));
        faults.extend(missing.map(|name| format!("H{hole}: no test `{name}`")));
    }
    for (hole, name) in tests.iter().flat_map(|text| in_names(text)) {
        let function = format!("h{hole}_{name}");
        let listed = named.get(hole).into_iter().flatten();
        if !listed.into_iter().any(|test| test.ends_with(&format!("::{function}"))) {
            faults.push(format!("`{function}` is not in the row of H{hole}"));
        }
    }
    faults
}

/// Returns the text of each source file that may have tests, but this one.
fn tests(root: &Path) -> Vec<String> {
    let mut folders: Vec<PathBuf> =
        ["tests", "core/src", "functions", "xtask/src"].map(|folder| root.join(folder)).into();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.extend((!path.ends_with("node_modules")).then_some(path));
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("house/holes.rs") {
                texts.push(fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    texts
}

#[test]
fn each_hole_has_a_test_and_each_test_of_a_hole_is_in_the_table() {
    let page = fs::read_to_string(root().join("docs/security.md")).expect("the page");
    let tests = tests(&root());
    assert!(tests.iter().map(|text| in_names(text).count()).sum::<usize>() > 10, "the tests are read");
    let faults = faults(&root(), &page, &tests);
    assert!(faults.is_empty(), "docs/security.md:\n  {}", faults.join("\n  "));
}

#[test]
fn a_hole_without_a_test_and_a_test_without_a_row_are_found() {
    let page = "| hole | tests |\n| H3 | a link | `house::holes::nothing` |\n| H4 | a squatter |\n\
                | H7 | a flood | `house::holes::a_hole_without_a_test_and_a_test_without_a_row_are_found` |\n";
    let tests = ["async fn h7_a_flood() {} fn hash() {} fn h12_a_proof() {}".to_owned()];
    let expected = [
        "H3: no test `house::holes::nothing`",
        "H4 has no test",
        "`h7_a_flood` is not in the row of H7",
        "`h12_a_proof` is not in the row of H12",
    ];
    assert_eq!(faults(&root(), page, &tests), expected);
}
