//! The index of the decisions lists each page once, with one sentence.

use std::{collections::BTreeSet, fs, path::Path};

const FOLDER: &str = "docs/decisions";

/// Returns the file names of the decisions, without the index.
fn files() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER);
    let names =
        fs::read_dir(folder).expect("the decisions").map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("a name in UTF-8"));
    names.filter(|name| name != "README.md").collect()
}

fn index() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER).join("README.md");
    fs::read_to_string(path).expect("the index")
}

/// Splits `- [0001](0001-name.md): One sentence.` into its file and its sentence.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (number, rest) = line.strip_prefix("- [")?.split_once("](")?;
    let (file, sentence) = rest.split_once("): ")?;
    let is_one = sentence.ends_with('.') && !sentence.contains(". ");
    (file.starts_with(&format!("{number}-")) && is_one).then_some((file, sentence))
}

/// Returns what is wrong with an index of these files.
fn faults(index: &str, files: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut listed = BTreeSet::new();
    for line in index.lines().filter(|line| line.starts_with("- ")) {
        match entry(line) {
            None => faults.push(format!("not `- [NUMBER](NUMBER-name.md): One sentence.`: {line}")),
            Some((file, _)) if !files.contains(file) => faults.push(format!("{file} does not exist")),
            Some((file, _)) if !listed.insert(file.to_owned()) => {
                faults.push(format!("{file} is listed twice"));
            }
            Some(_) => {}
        }
    }
    faults.extend(files.difference(&listed).map(|file| format!("{file} is missing: add one line")));
    let numbers: BTreeSet<_> = files.iter().map(|file| &file[..4]).collect();
    if numbers.len() != files.len() {
        faults.push("two decisions have the same number".to_owned());
    }
    faults
}

#[test]
fn the_index_lists_every_decision_once() {
    let files = files();
    assert!(files.len() > 20, "only {} were found: have they moved?", files.len());
    let faults = faults(&index(), &files);
    assert!(faults.is_empty(), "{FOLDER}/README.md:\n  {}", faults.join("\n  "));
}

#[test]
fn a_decision_that_is_missing_twice_listed_or_misspelt_is_found() {
    let files: BTreeSet<String> = ["0001-a.md", "0002-b.md"].map(str::to_owned).into();
    let of = |index: &str| faults(index, &files);
    let good = "- [0001](0001-a.md): One.\n- [0002](0002-b.md): Two.\n";
    assert_eq!(of(good), [""; 0]);
    assert_eq!(of("- [0001](0001-a.md): One.\n"), ["0002-b.md is missing: add one line"]);
    assert_eq!(of(&format!("{good}- [0003](0003-c.md): Three.\n")), ["0003-c.md does not exist"]);
    assert_eq!(of(&format!("{good}- [0001](0001-a.md): Again.\n")), ["0001-a.md is listed twice"]);
    for line in ["- [0001](0002-b.md): One.", "- [0001](0001-a.md): One", "- [0001](0001-a.md): One. Two."] {
        assert_eq!(of(&format!("{good}{line}\n")).len(), 1, "{line}");
    }
    let twice: BTreeSet<String> = ["0001-a.md", "0001-b.md"].map(str::to_owned).into();
    let index = "- [0001](0001-a.md): One.\n- [0001](0001-b.md): Two.\n";
    assert_eq!(faults(index, &twice), ["two decisions have the same number"]);
}
