//! functions/*/function.yaml: its lines, and what the rules must know of them.

use serde_yaml_ng::{Mapping, Value};

use super::text::Faults;

/// Keys that the rules write, and what to do instead.
const GENERATED: [(&str, &str); 6] = [
    ("Type", "remove it: every function.yaml is an AWS::Serverless::Function"),
    ("Properties", "write its keys at the start of the line"),
    ("FunctionName", "remove it: the name follows from the folder"),
    ("LoggingConfig", "remove it: each function has a log group"),
    ("Role", "remove it: the role follows from the variables, or write `Statement`"),
    ("Policies", "write the list of statements as `Statement`"),
];

/// The text of one function.
#[derive(Debug)]
pub(super) struct Fragment<'a> {
    pub(super) stem: &'a str,
    /// The comment above the first key.
    pub(super) comment: Vec<&'a str>,
    blocks: Vec<Block<'a>>,
    pub(super) variables: Vec<(String, Value)>,
    pub(super) routes: Vec<Route>,
    /// The queues that invoke the function.
    pub(super) queues: Vec<String>,
    /// The events of schedules that invoke it.
    pub(super) schedules: Vec<String>,
}

/// A key at the start of a line, with all that belongs to it. Comments belong to the key below them.
#[derive(Debug)]
struct Block<'a> {
    key: &'a str,
    /// The line of the key, from 1.
    line: usize,
    lines: Vec<&'a str>,
}

/// The comment above the first key, and the keys.
#[derive(Debug)]
struct Split<'a> {
    comment: Vec<&'a str>,
    blocks: Vec<Block<'a>>,
}

/// A method of a path that the function answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) event: String,
    pub(super) api: String,
    pub(super) path: String,
    pub(super) method: String,
}

/// Returns the path of a function's fragment in the checkout.
pub(super) fn file(stem: &str) -> String {
    format!("functions/{stem}/function.yaml")
}

impl<'a> Fragment<'a> {
    pub(super) fn read(stem: &'a str, text: &'a str) -> Result<Self, Faults> {
        let file = file(stem);
        let yaml: Mapping = serde_yaml_ng::from_str(text).map_err(|error| {
            vec![format!("{file}: is no YAML mapping ({error}); correct it, or write the first property")]
        })?;
        let Split { comment, blocks } = split(text).map_err(|(line, found)| {
            vec![format!("{file}:{line}: `{found}` is no key; begin the line with the name of a property")]
        })?;
        let mut fragment = Self {
            stem,
            comment,
            blocks,
            variables: Vec::new(),
            routes: Vec::new(),
            queues: Vec::new(),
            schedules: Vec::new(),
        };
        let mut faults = Faults::new();
        for (key, remedy) in GENERATED {
            if yaml.contains_key(key) {
                faults.push(format!("{}: `{key}` is generated; {remedy}", fragment.at(key, "")));
            }
        }
        if let Some(variables) = yaml.get("Environment").and_then(|all| all.get("Variables")?.as_mapping()) {
            let pairs = variables.iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value)));
            fragment.variables = pairs.map(|(name, value)| (name, value.clone())).collect();
        }
        if let Some(events) = yaml.get("Events") {
            fragment.read_events(events, &mut faults);
        }
        if faults.is_empty() { Ok(fragment) } else { Err(faults) }
    }

    fn read_events(&mut self, events: &Value, faults: &mut Faults) {
        if self.lines("Events").iter().any(|line| line.trim_end() == "Events:") {
            let at = self.at("Events", "");
            let remedy = "write `Events:` alone on its line, and each event below it, indented by two spaces";
            let Some(events) = events.as_mapping() else {
                faults.push(format!("{at}: `Events` is empty; {remedy}, or remove it"));
                return;
            };
            for (name, event) in events {
                if let Err(fault) = self.read_event(name.as_str().unwrap_or_default(), event) {
                    faults.push(fault);
                }
            }
        } else {
            let at = self.at("Events", "");
            faults.push(format!(
                "{at}: `Events` is on one line; write `Events:`, and each event on a line below it"
            ));
        }
    }

    fn read_event(&mut self, name: &str, event: &Value) -> Result<(), String> {
        let at = self.at("Events", name);
        let property = |key: &str| event.get("Properties").and_then(|all| all.get(key));
        let text = |key: &str| {
            let value = property(key).and_then(Value::as_str).map(str::to_owned);
            value.ok_or_else(|| format!("{at}: the event {name} has no {key}; add it to its Properties"))
        };
        match event.get("Type").and_then(Value::as_str) {
            Some("Api") => {
                let api = property("RestApiId").and_then(|value| short(value, "Ref")).ok_or_else(|| {
                    format!(
                        "{at}: the event {name} names no API; add `RestApiId: !Ref Api` to its Properties"
                    )
                })?;
                let route = Route {
                    event: name.to_owned(),
                    api: api.to_owned(),
                    path: text("Path")?,
                    method: text("Method")?,
                };
                if !route.path.starts_with('/') || route.path.ends_with('/') {
                    return Err(format!(
                        "{at}: the path {:?} is wrong; begin it with a slash and end it without one",
                        route.path
                    ));
                }
                if route.method == "OPTIONS" {
                    return Err(format!("{at}: OPTIONS is added to each path; remove the event {name}"));
                }
                self.routes.push(route);
            }
            Some("SQS") => {
                let queue = property("Queue").and_then(|value| short(value, "GetAtt"));
                let queue = queue.and_then(|queue| queue.strip_suffix(".Arn")).ok_or_else(|| {
                    format!("{at}: the event {name} names no queue; add `Queue: !GetAtt EventsQueue.Arn`, or another one")
                })?;
                self.queues.push(queue.to_owned());
            }
            Some("Schedule") => self.schedules.push(name.to_owned()),
            Some(_) => {}
            None => {
                return Err(format!("{at}: the event {name} has no Type; write `Type: Api`, or another one"));
            }
        }
        Ok(())
    }

    /// Returns whether an event source mapping sends the records of a topic to the function.
    pub(super) fn receives_records(&self) -> bool {
        self.lines("Resources").iter().any(|line| line.trim() == "Type: AWS::Lambda::EventSourceMapping")
    }

    /// Returns whether a queue, a topic or a schedule calls the function. Then no caller waits for its response.
    pub(super) fn is_asynchronous(&self) -> bool {
        !self.queues.is_empty() || !self.schedules.is_empty() || self.receives_records()
    }

    /// Returns the lines of one key, without the comments above it.
    pub(super) fn lines(&self, key: &str) -> &[&'a str] {
        let block = self.blocks.iter().find(|block| block.key == key);
        block.map_or(&[], |block| {
            let above = block.lines.iter().take_while(|line| line.starts_with('#')).count();
            &block.lines[above..]
        })
    }

    /// Returns the comments above a key.
    pub(super) fn comments(&self, key: &str) -> &[&'a str] {
        let block = self.blocks.iter().find(|block| block.key == key);
        block.map_or(&[], |block| &block.lines[..block.lines.len() - self.lines(key).len()])
    }

    /// Returns the value of a key that stands on one line.
    pub(super) fn value(&self, key: &str) -> Option<&'a str> {
        self.lines(key).first().and_then(|line| Some(line.split_once(": ")?.1.trim()))
    }

    /// Returns the keys in their order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.blocks.iter().map(|block| block.key)
    }

    /// Returns file and line of a key, or of the first line of it that has this word.
    pub(super) fn at(&self, key: &str, word: &str) -> String {
        let block = self.blocks.iter().find(|block| block.key == key);
        let line = block.map_or(1, |block| {
            let comments = self.comments(key).len();
            let found = block.lines.iter().skip(comments).position(|line| line.contains(word));
            block.line + found.unwrap_or(0)
        });
        format!("{}:{line}", file(self.stem))
    }
}

/// Splits the text into the comment above the first key, and the keys. Fails with the line that has neither.
fn split(text: &str) -> Result<Split<'_>, (usize, &str)> {
    let (mut comments, mut blocks) = (Vec::new(), Vec::<Block<'_>>::new());
    let mut first = None;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            comments.push(line);
        } else if line.starts_with(' ') || line.trim().is_empty() {
            let Some(block) = blocks.last_mut() else { continue };
            block.lines.append(&mut comments);
            block.lines.push(line);
        } else {
            let is_name = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
            let key = line.split_once(':').map(|(key, _)| key).filter(|key| is_name(key));
            let key = key.ok_or((number + 1, line))?;
            let mut lines = std::mem::take(&mut comments);
            if first.is_none() {
                first = Some(std::mem::take(&mut lines));
            }
            lines.push(line);
            blocks.push(Block { key, line: number + 1, lines });
        }
    }
    Ok(Split { comment: first.unwrap_or_default(), blocks })
}

/// Returns the text behind a short form such as `!Ref`.
pub(super) fn short<'v>(value: &'v Value, tag: &str) -> Option<&'v str> {
    match value {
        Value::Tagged(tagged) if tagged.tag == tag => tagged.value.as_str(),
        _ => None,
    }
}
