//! A column of the table `users` is stated in few places (decision 0068).

use std::{fs, path::Path};

use super::layers;

/// In `User`, in the list of the profile, in `shape!`, in `COLUMNS` and in `UserResponse`.
const MOST_PLACES: usize = 5;

/// Returns the lines of a file that contain the word.
fn places(name: &str, text: &str, word: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.split(|c| !is_part(c)).any(|part| part == word))
        .map(|(number, line)| format!("{name}:{}: {}", number + 1, line.trim()))
        .collect()
}

#[test]
fn a_column_of_the_users_is_stated_at_most_five_times() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["core/src", "functions", "xtask/src", "catalogue/src"];
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| layers::files(&root.join(folder))) {
        let text = fs::read_to_string(&path).expect("a source file");
        let name = path.strip_prefix(&root).expect("a file of the project").display().to_string();
        found.extend(places(&name, &text, "zip_code"));
    }
    assert!(!found.is_empty(), "the column was not found: has it another name now?");
    let list = found.join("\n  ");
    assert!(
        found.len() <= MOST_PLACES,
        "`zip_code` is stated in {} places:\n  {list}\n`docs/adding-a-domain.md` lists the {MOST_PLACES}. Derive the others from them.",
        found.len()
    );
}

#[test]
fn only_the_whole_word_counts() {
    let text = "zip_code: Text<24>,\nzip_codes\n  .patch(\"zip_code\", new)\nzip code\nmy_zip_code";
    assert_eq!(
        places("a.rs", text, "zip_code"),
        ["a.rs:1: zip_code: Text<24>,", "a.rs:3: .patch(\"zip_code\", new)"]
    );
}
