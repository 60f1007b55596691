//! The table of log lines in docs/logging.md: each message of the code, its levels and its fields.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use super::text::cell;

const FOLDERS: [&str; 2] = ["core/src", "functions"];
const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];

/// The levels and the fields of each message.
type Lines = BTreeMap<String, (BTreeSet<&'static str>, BTreeSet<String>)>;

pub(super) fn table(root: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files).map_err(|error| format!("cannot read {folder}: {error}"))?;
    }
    let mut lines = Lines::new();
    for file in files {
        let text =
            fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        read(&text, &mut lines);
    }
    let mut table = "| message | level | fields |\n|---|---|---|\n".to_owned();
    for (message, (levels, fields)) in lines {
        let levels: Vec<_> = levels.into_iter().map(str::to_uppercase).collect();
        let fields: Vec<_> = fields.into_iter().map(|field| format!("`{field}`")).collect();
        let _ = writeln!(table, "| {} | {} | {} |", cell(&message), levels.join(", "), fields.join(", "));
    }
    Ok(table)
}

/// Collects the sources below a folder that are no tests.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if matches!(name, "tests" | "testing" | "snippets") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Adds the lines that a source writes outside of its tests.
fn read(source: &str, lines: &mut Lines) {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    for level in LEVELS {
        for call in source.split(&format!("tracing::{level}!(")).skip(1) {
            let (mut message, mut fields) = (None, BTreeSet::new());
            for argument in arguments(call) {
                if let Some(text) = argument.strip_prefix('"') {
                    message.get_or_insert_with(|| text.trim_end_matches('"').to_owned());
                } else if message.is_none() {
                    let name = argument.split('=').next().unwrap_or_default();
                    fields.insert(name.trim().trim_start_matches(['%', '?']).to_owned());
                }
            }
            if let Some(message) = message {
                let line = lines.entry(message).or_default();
                line.0.insert(level);
                line.1.extend(fields);
            }
        }
    }
}

/// Returns the arguments of a call, up to its closing bracket.
fn arguments(call: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, c) in call.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' => {
                found.push(call[start..at].trim());
                break;
            }
            ',' if depth == 0 => {
                found.push(call[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|argument| !argument.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_message_level_and_fields() {
        let source = "fn x() {\n tracing::warn!(queue, error = chain(&error, 1), %id, \"not, sent\");\n\
                      tracing::error!(other = 1, \"not, sent\",);\n}\n\
                      #[cfg(test)]\nmod tests { fn y() { tracing::info!(\"test\"); } }";
        let mut lines = Lines::new();
        read(source, &mut lines);
        let fields = ["error", "id", "other", "queue"].map(str::to_owned).into();
        assert_eq!(lines, Lines::from([("not, sent".to_owned(), (["error", "warn"].into(), fields))]));
    }
}
