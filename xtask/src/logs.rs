//! What the functions print, made readable.
//!
//! `.local/<stack>/functions.log` holds one JSON object a line: when, which function, what. What
//! a function printed is mostly a JSON object itself; anything else is shown as it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::product;

/// Reads a log from where it last stopped.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    position: u64,
    /// The binary's name by the function's name in the emulator.
    names: BTreeMap<String, String>,
    only: Option<String>,
}

impl Follower {
    /// A reader of the log; `only` picks one function.
    #[must_use]
    pub fn new(path: PathBuf, names: BTreeMap<String, String>, only: Option<String>) -> Self {
        Self { path, position: 0, names, only }
    }

    /// The readable lines that were added since the last call.
    pub fn read(&mut self) -> Result<Vec<String>> {
        let Ok(mut file) = File::open(&self.path) else {
            return Ok(Vec::new());
        };
        if file.metadata()?.len() < self.position {
            self.position = 0;
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A line that is still being written is left for the next call.
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.position += u64::try_from(complete)?;
        let text = String::from_utf8_lossy(&bytes[..complete]);
        Ok(text.lines().filter_map(|line| self.line(line)).collect())
    }

    fn line(&self, line: &str) -> Option<String> {
        let entry: Value = serde_json::from_str(line).ok()?;
        let function = entry["function"].as_str()?;
        let function = self.names.get(function).map_or_else(|| short(function), String::as_str);
        if self.only.as_deref().is_some_and(|only| only != function) {
            return None;
        }
        let time = clock(entry["at"].as_u64()?);
        let text = render(entry["line"].as_str()?);
        if std::io::stdout().is_terminal() {
            return Some(format!("\x1b[2m{time}\x1b[0m \x1b[36m{function:<19}\x1b[0m {text}"));
        }
        Some(format!("{time} {function:<19} {text}"))
    }
}

/// `app-dev-users-me` → `users-me`, for a stack that is no longer known.
#[must_use]
pub fn short(function: &str) -> &str {
    let named = function.strip_prefix(product::NAME).and_then(|rest| rest.strip_prefix('-')?.split_once('-'));
    named.map_or(function, |(_, name)| name)
}

/// A line of a function: level and message first, everything else as key=value.
#[must_use]
pub fn render(line: &str) -> String {
    let Ok(Value::Object(mut entry)) = serde_json::from_str::<Value>(line) else {
        return line.to_owned();
    };
    // A line for CloudWatch's metrics says twice what it counts.
    if entry.remove("_aws").is_some() {
        entry.insert("level".to_owned(), "metric".into());
    }
    // The time stands before the line already; which module it was seldom helps.
    for key in ["timestamp", "time", "target"] {
        entry.remove(key);
    }
    let mut fields = entry.remove("fields").and_then(|fields| match fields {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    // Of the span only the ids tell one line from another.
    let mut span = entry.remove("span").unwrap_or_default();
    for (key, shown) in [("request_id", "request"), ("trace_id", "trace")] {
        if let Some(id) = span.get_mut(key) {
            entry.insert(shown.to_owned(), id.take());
        }
    }
    let level = text(entry.remove("level"));
    let message = text(entry.remove("message").or_else(|| fields.as_mut()?.remove("message")));
    let mut parts = vec![format!("{:<5}", level.to_uppercase()), message];
    pairs(&mut parts, &entry);
    pairs(&mut parts, &fields.unwrap_or_default());
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn pairs(parts: &mut Vec<String>, entry: &Map<String, Value>) {
    for (key, value) in entry {
        match value {
            Value::Null => {}
            Value::String(text) if !text.contains(' ') => parts.push(format!("{key}={text}")),
            other => parts.push(format!("{key}={other}")),
        }
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}

/// Milliseconds since 1970 as the time of day, in UTC as the functions' own times are.
#[must_use]
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000 % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_shows_level_and_message_first() {
        let line = r#"{"timestamp":"t","level":"info","message":"signed up","ms":3,"who":"a b",
            "span":{"name":"request","request_id":"r-1"}}"#;
        assert_eq!(render(line), r#"INFO  signed up ms=3 request=r-1 who="a b""#);
        assert_eq!(render("thread main panicked"), "thread main panicked");
    }

    #[test]
    fn half_a_line_is_left_for_later_and_names_are_translated() -> Result<()> {
        let path = std::env::temp_dir().join(format!("xtask-logs-{}", std::process::id()));
        let line = r#"{"at":45296007,"function":"app-dev-Me-1","line":"hello"}"#;
        std::fs::write(&path, format!("{line}\n{}", &line[..20]))?;
        let names = BTreeMap::from([("app-dev-Me-1".to_owned(), "me".to_owned())]);
        let mut follower = Follower::new(path.clone(), names, None);
        let lines = follower.read()?;
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("12:34:56.007") && lines[0].contains("me"), "{lines:?}");
        std::fs::write(&path, format!("{line}\n{line}\n"))?;
        assert_eq!(follower.read()?.len(), 1);
        std::fs::remove_file(path)?;
        Ok(())
    }
}
