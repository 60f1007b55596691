//! Who may sign in is said in full in every statement: `is_active and deleted_at is null`. A statement that asks one
//! of the two lets somebody in whom an administrator has banned, or whose account is about to be deleted. A statement
//! about pending deletions asks both, too: `is_active and deleted_at is not null`.

use std::{fs, path::Path};

use super::layers;

/// Returns the string literals of a Rust source, each with its line.
fn literals(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(start) = rest.find(['"', '\'', '/']) {
        let skip = |rest: &mut &'_ str, line: &mut usize, bytes: usize| {
            *line += rest[..bytes].matches('\n').count();
            *rest = &rest[bytes..];
        };
        let at = &rest[start..];
        if at.starts_with("//") {
            let end = at.find('\n').unwrap_or(at.len());
            skip(&mut rest, &mut line, start + end);
        } else if at.starts_with("'\"'") {
            skip(&mut rest, &mut line, start + 3);
        } else if let Some(text) = at.strip_prefix('"') {
            let mut end = 0;
            while let Some(byte) = text.as_bytes().get(end).filter(|byte| **byte != b'"') {
                end += if *byte == b'\\' { 2 } else { 1 };
            }
            let end = end.min(text.len());
            let first = line + rest[..start].matches('\n').count();
            found.push((first, text[..end].to_owned()));
            let behind = (start + end + 2).min(rest.len());
            skip(&mut rest, &mut line, behind);
        } else {
            skip(&mut rest, &mut line, start + 1);
        }
    }
    found
}

/// Returns the places in a statement that ask one condition without the other. The name of a column alone is no
/// statement.
fn halves(statement: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || "_.$'".contains(c);
    let words: Vec<&str> = statement.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let column = |word: &str| word.rsplit_once('.').map_or(word, |(_, column)| column).to_owned();
    let table = |word: &str| word.rsplit_once('.').map_or("", |(table, _)| table).to_owned();
    let mut faults = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let around = |from: usize, to: usize| words[from..to.min(words.len())].join(" ");
        if column(word) == "is_active" && words.len() > 1 {
            let rest = &words[at + 1..];
            let whole = rest.len() >= 4
                && rest[0] == "and"
                && column(rest[1]) == "deleted_at"
                && table(rest[1]) == table(word)
                && (rest[2..4] == ["is", "null"] || rest[2..].starts_with(&["is", "not", "null"]));
            if !whole {
                faults.push(around(at, at + 5));
            }
        }
        if column(word) == "deleted_at" && words.get(at + 1) == Some(&"is") {
            let before = at >= 2 && column(words[at - 2]) == "is_active" && words[at - 1] == "and";
            if !before {
                faults.push(around(at.saturating_sub(2), at + 3));
            }
        }
    }
    faults
}

#[test]
fn every_statement_asks_both_conditions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut faults, mut asked) = (Vec::new(), 0);
    for path in layers::files(&root.join("core/src/infrastructure")) {
        let source = fs::read_to_string(&path).expect("a source file");
        let name = path.strip_prefix(&root).expect("a file of the project").display().to_string();
        for (line, literal) in literals(&source) {
            asked += usize::from(literal.contains("is_active and"));
            faults.extend(halves(&literal).into_iter().map(|half| format!("{name}:{line}: {half}")));
        }
    }
    assert!(asked >= 7, "only {asked} statements were found: are they written otherwise now?");
    assert!(faults.is_empty(), "write `is_active and deleted_at is null` in full:\n{}", faults.join("\n"));
}

#[test]
fn half_a_condition_is_found_and_a_name_is_none() {
    for good in [
        "is_active",
        "where u.is_active and u.deleted_at is null",
        "(is_active and deleted_at is null) as a",
        "where is_active and deleted_at is not null",
    ] {
        assert_eq!(halves(good), [""; 0], "{good}");
    }
    for bad in [
        "where is_active",
        "where is_active and epoch = $1",
        "where u.is_active and deleted_at is null",
        "where is_active and deleted_at is not",
        "where deleted_at is not null",
        "where deleted_at is null",
        "select uuid, is_active, email",
    ] {
        assert!(!halves(bad).is_empty(), "{bad}");
    }
    let source = "// \"not this\"\nlet a = '\"'; let b = \"where \\\"x\\\"\n  is_active\";";
    assert_eq!(literals(source), [(2, "where \\\"x\\\"\n  is_active".to_owned())]);
}
