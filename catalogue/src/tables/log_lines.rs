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
            let mut arguments = arguments(call).into_iter();
            let (mut text, mut fields) = (None, BTreeSet::new());
            for argument in arguments.by_ref() {
                if let Some(found) = argument.strip_prefix('"') {
                    text = Some(joined(found.trim_end_matches('"')));
                    break;
                }
                let name = argument.split('=').next().unwrap_or_default();
                fields.insert(name.trim().trim_start_matches(['%', '?']).to_owned());
            }
            let messages = match (text, arguments.next()) {
                (Some(text), Some(value)) if text == "{}" => returned(source, value),
                (text, _) => text.into_iter().collect(),
            };
            for message in messages {
                let line = lines.entry(message).or_default();
                line.0.insert(level);
                line.1.extend(fields.clone());
            }
        }
    }
}

/// Returns a literal as it is printed: a backslash at the end of a line leaves out the line break and the indent.
fn joined(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// Returns the messages that a called function of the same source can return. If it makes them of other texts, they are
/// different in each line.
fn returned(source: &str, call: &str) -> Vec<String> {
    let name = call.split('(').next().unwrap_or_default().rsplit(['.', ':']).next().unwrap_or_default();
    let body = source.split(&format!("fn {name}(")).nth(1).and_then(|rest| rest.split("\n    }\n").next());
    let body = body.filter(|body| body.lines().next().is_some_and(|line| line.contains("-> &'static str")));
    match body {
        Some(body) => body.split('"').skip(1).step_by(2).map(joined).collect(),
        None => vec![format!("{{{}}}", name.replace('_', " "))],
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

    #[test]
    fn a_message_is_what_is_printed() {
        let source = "fn x() {\n tracing::info!(\"one \\\n   two\");\n tracing::warn!(a, \"{}\", self.why());\n \
                      tracing::error!(place, \"{}\", panic_text(info.payload()));\n}\nimpl X {\n    \
                      fn why(self) -> &'static str {\n        if self.0 { \"b\" } else { \"c\" }\n    }\n}\n";
        let mut lines = Lines::new();
        read(source, &mut lines);
        let messages: Vec<&str> = lines.keys().map(String::as_str).collect();
        assert_eq!(messages, ["b", "c", "one two", "{panic text}"]);
    }
}
