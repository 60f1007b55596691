//! One edit of a mutant: a text that occurs exactly once in a file, and what replaces it.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// One `[[edit]]` of a mutant's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The path from the project's folder.
    pub file: String,
    /// Occurs exactly once in the file.
    pub find: String,
    pub replace: String,
}

/// Returns the content of each changed file, before and after all edits, by its path.
///
/// All edits are looked up in the files as they are, so their order does not matter.
pub fn change(root: &Path, edits: &[Edit]) -> Result<BTreeMap<String, (String, String)>> {
    let mut by_file: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.file).or_default().push(edit);
    }
    let mut changed = BTreeMap::new();
    for (file, edits) in by_file {
        let before = read(root, file)?;
        let after = change_text(&before, &edits).with_context(|| file.to_owned())?;
        changed.insert(file.to_owned(), (before, after));
    }
    Ok(changed)
}

fn read(root: &Path, file: &str) -> Result<String> {
    if !Path::new(file).components().all(|part| matches!(part, Component::Normal(_))) {
        bail!("`file = \"{file}\"` must be a path inside the project, such as core/src/app/mod.rs");
    }
    match fs::read_to_string(root.join(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(
                "{file} does not exist: set `file` to the new path, or delete the mutant if its guard is gone"
            )
        }
        read => read.with_context(|| format!("cannot read {file}")),
    }
}

fn change_text(before: &str, edits: &[&Edit]) -> Result<String> {
    let mut places =
        edits.iter().map(|edit| Ok((place(before, edit)?, *edit))).collect::<Result<Vec<_>>>()?;
    places.sort_by_key(|(start, _)| *start);
    let mut after = String::with_capacity(before.len());
    let mut end = 0;
    for (start, edit) in places {
        let Some(kept) = before.get(end..start) else {
            bail!("two edits change the same text; join them into one. The second is {}", quoted(&edit.find));
        };
        after.push_str(kept);
        after.push_str(&edit.replace);
        end = start + edit.find.len();
    }
    after.push_str(&before[end..]);
    Ok(after)
}

/// Returns where the text to replace begins.
fn place(text: &str, edit: &Edit) -> Result<usize> {
    let find = quoted(&edit.find);
    if edit.find.trim().is_empty() {
        bail!("`find` is blank: write the text that the fault replaces");
    }
    if edit.find == edit.replace {
        bail!(
            "`replace` is the same as `find`, so nothing changes: write the fault into `replace`. Both are {find}"
        );
    }
    // `matches` skips occurrences that overlap.
    match (text.find(&edit.find), text.rfind(&edit.find)) {
        (Some(first), Some(last)) if first == last => Ok(first),
        (Some(_), _) => {
            bail!("`find` occurs more than once: add the text next to it until it is unique. It is {find}")
        }
        (None, _) => bail!("`find` does not occur: copy the text from the file as it is now. It is {find}"),
    }
}

/// Quotes the first line of a text.
fn quoted(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    let more = if lines.next().is_some() { " …" } else { "" };
    format!("`{first}`{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, edits: &[(&str, &str)]) -> Result<String> {
        let edits: Vec<Edit> = edits
            .iter()
            .map(|(find, replace)| Edit {
                file: String::new(),
                find: (*find).into(),
                replace: (*replace).into(),
            })
            .collect();
        change_text(text, &edits.iter().collect::<Vec<_>>())
    }

    #[test]
    fn edits_are_applied_in_any_order() -> Result<()> {
        let text = "first\nsecond\nthird\n";
        // The second edit inserts the text that the first one removes.
        for edits in [
            [("first\n", ""), ("third\n", "third\nfirst\n")],
            [("third\n", "third\nfirst\n"), ("first\n", "")],
        ] {
            assert_eq!(changed(text, &edits)?, "second\nthird\nfirst\n");
        }
        assert_eq!(changed(text, &[("st\nsec", "-"), ("ond", "")])?, "fir-\nthird\n");
        Ok(())
    }

    #[test]
    fn an_edit_that_does_not_fit_says_what_to_do() {
        for (edits, remedy) in [
            (&[("fourth", "")][..], "copy the text from the file"),
            (&[("d", "")], "until it is unique"),
            // Two occurrences that overlap.
            (&[("aa", "")], "until it is unique"),
            (&[("first", "first")], "write the fault into `replace`"),
            (&[(" \n", "")], "write the text"),
            (&[("first", ""), ("st\nsec", "")], "join them"),
        ] {
            let refused =
                changed("first\nsecond\nthird\naaa\n", edits).expect_err("must be refused").to_string();
            assert!(refused.contains(remedy), "{edits:?}: {refused}");
        }
    }

    #[test]
    fn a_file_outside_the_project_is_refused() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, remedy) in [
            ("../Cargo.toml", "inside the project"),
            ("/etc/passwd", "inside the project"),
            ("src/gone.rs", "set `file` to the new path"),
        ] {
            let edit = Edit { file: file.to_owned(), find: "a".to_owned(), replace: "b".to_owned() };
            let refused = change(root, &[edit]).expect_err("must be refused").to_string();
            assert!(refused.contains(remedy), "{file}: {refused}");
        }
    }
}
