//! Texts that users read are short and plain: errors, log lines, the output and help of `cargo xtask`, and
//! the descriptions of the OpenAPI document.
//!
//! Errors and log lines are literals somewhere in the sources. So every literal is checked, however an error
//! is made.

use std::{fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde_json::Value;

/// The longest line of a text, in characters.
const LONGEST: usize = 120;

/// The longest first line of a command's help, so that `cargo xtask --help` stays a list.
const LONGEST_HELP: usize = 100;

/// Files with a longer text that is no error, and the kind of text.
const LONGER: [(&str, &str); 5] = [
    ("core/src/application/mails/english.rs", "mails"),
    ("core/src/application/mails/german.rs", "mails"),
    ("core/src/interfaces/http/query/parameters.rs", "a description of the OpenAPI document"),
    ("functions/docs/src/files.rs", "a content security policy"),
    ("xtask/src/commands/develop/fuzz.rs", "options of the compiler"),
];

/// Phrases that readers have to read twice. Each has a plain form: `anew` is `again`, `beside` is `next to`.
const REFUSED: [&str; 26] = [
    "anew",
    "are none",
    "are over",
    "as it stands",
    "at hand",
    "beside",
    "by itself",
    "by themselves",
    "goes on",
    "in this company",
    "in vain",
    "is none",
    "is over",
    "lest",
    "makes no sense",
    "minds one's",
    "nobody asked",
    "of its own",
    "of none",
    "of their own",
    "once more",
    "serves too",
    "stands in",
    "tells the event",
    "wants",
    "whoever",
];

/// Returns the refused phrases of a text. A phrase counts only as whole words.
fn refused(text: &str) -> Vec<&'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    let text = format!(" {} ", words.join(" "));
    REFUSED.into_iter().filter(|phrase| text.contains(&format!(" {phrase} "))).collect()
}

/// How a statement in SQL begins. Its lines are not for users.
const SQL: [&str; 6] = ["coalesce(", "delete from ", "insert into ", "select ", "update ", "with "];

/// Returns whether a line of the text is too long.
fn is_long(text: &str) -> bool {
    let is_sql = SQL.iter().any(|start| text.trim_start().starts_with(start));
    !is_sql && text.lines().any(|line| line.trim().chars().count() > LONGEST)
}

/// Returns the text of a string literal as the program has it, and `None` for other literals.
fn text_of(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let raw = raw.trim_matches('#');
        return Some(raw.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    let inside = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut rest = inside.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            // The line continues behind its indentation.
            Some('\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
            Some(other) => text.push(other),
            None => {}
        }
    }
    Some(text)
}

/// Adds the texts of all string literals outside of attributes, comments and unit tests.
fn collect(tokens: TokenStream, texts: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                tokens.next_if(|next| matches!(next, TokenTree::Punct(p) if p.as_char() == '!'));
                let attribute = tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
                let is_test = attribute.is_some_and(|attribute| {
                    attribute.to_string().split_whitespace().collect::<String>() == "[cfg(test)]"
                });
                if is_test {
                    skip_item(&mut tokens);
                }
            }
            TokenTree::Group(group) => collect(group.stream(), texts),
            TokenTree::Literal(literal) => texts.extend(text_of(&literal.to_string())),
            TokenTree::Punct(_) | TokenTree::Ident(_) => {}
        }
    }
}

/// Skips an item: it ends with a block or a semicolon.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

fn texts(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(source.parse().expect("Rust"), &mut found);
    found
}

/// Returns what a line of Python has between double quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

/// Returns the path and the content of each file of the product with this extension.
pub(super) fn sources(extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders =
        ["core/src", "functions", "xtask/src", "xtask/python"].map(|part| root.join(part)).to_vec();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&root).expect("inside").to_string_lossy().into_owned();
            if path.is_dir() {
                // `testing` is what tests use.
                folders.extend((!name.ends_with("/testing") && !name.ends_with("/assets")).then_some(path));
            } else if path.extension().is_some_and(|e| e == extension) && !name.ends_with("/tests.rs") {
                found.push((name, fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    assert!(!found.is_empty(), "no source files: have the folders moved?");
    found
}

/// Adds the summaries and descriptions of a JSON document, each with its place.
fn descriptions(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(text) if matches!(key.as_str(), "summary" | "description") => {
                        found.push((format!("{place}/{key}"), text.to_owned()));
                    }
                    _ => descriptions(value, &format!("{place}/{key}"), found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| descriptions(value, place, found)),
        _ => {}
    }
}

#[track_caller]
fn none_is_refused(texts: impl Iterator<Item = (String, String)>) {
    let faults: Vec<String> = texts
        .filter_map(|(place, text)| {
            let found = refused(&text);
            (!found.is_empty()).then(|| format!("{place}: {}: {text}", found.join(", ")))
        })
        .collect();
    assert!(faults.is_empty(), "use plain words instead: {faults:#?}");
}

#[test]
fn errors_logs_and_output_are_short() {
    let mut longer: Vec<&str> = Vec::new();
    let mut faults = Vec::new();
    let sources = sources("rs");
    for (file, source) in &sources {
        let long: Vec<String> = texts(source).into_iter().filter(|text| is_long(text)).collect();
        match LONGER.iter().find(|(name, _)| name == file) {
            Some((name, _)) if !long.is_empty() => longer.push(name),
            _ => faults.extend(long.into_iter().map(|text| format!("{file}: {text}"))),
        }
    }
    assert!(faults.is_empty(), "shorten to {LONGEST} characters a line: {faults:#?}");
    longer.sort_unstable();
    assert_eq!(longer, LONGER.map(|(file, _)| file), "a file of LONGER has no long text any more");
}

#[test]
fn errors_logs_and_output_are_plain() {
    let rust = sources("rs").into_iter();
    let rust =
        rust.flat_map(|(file, source)| texts(&source).into_iter().map(move |text| (file.clone(), text)));
    let python = sources("py").into_iter();
    let python = python.flat_map(|(file, source)| {
        let texts: Vec<String> = source.lines().flat_map(quoted).map(str::to_owned).collect();
        texts.into_iter().map(move |text| (file.clone(), text))
    });
    none_is_refused(rust.chain(python));
}

#[test]
fn the_descriptions_of_the_api_are_plain() {
    let mut found = Vec::new();
    for document in [catalogue::openapi::document(), catalogue::messages::document()] {
        descriptions(&serde_json::from_str(&document).expect("json"), "", &mut found);
    }
    assert!(found.len() > 100, "only {} descriptions: has their form changed?", found.len());
    none_is_refused(found.into_iter());
}

#[test]
fn the_help_of_every_command_and_option_is_plain() {
    let help = xtask::cli::help();
    assert!(help.len() > 50, "only {} texts: has the command line changed?", help.len());
    let without: Vec<&str> = help.iter().filter(|h| h.text.is_empty()).map(|h| h.name.as_str()).collect();
    assert!(without.is_empty(), "no help: {without:?}");
    let first = |text: &str| text.lines().next().unwrap_or_default().chars().count();
    let commands = help.iter().filter(|h| h.is_command);
    let long: Vec<&str> =
        commands.filter(|h| first(&h.text) > LONGEST_HELP).map(|h| h.name.as_str()).collect();
    assert!(long.is_empty(), "the first line of help is over {LONGEST_HELP} characters: {long:?}");
    none_is_refused(help.into_iter().map(|h| (h.name, h.text)));
}

#[test]
fn a_text_is_found_wherever_it_is_said() {
    let source = r##"
        #![allow(reason = "not a message")]
        /// Not a message.
        fn say() {
            let raw = r#"a "raw" one"#;
            bail!("a long {} \
                   one", format!("in\n\"two\" lines"));
        }
        #[cfg(test)]
        mod tests { fn not() { panic!("not a message") } }
        #[cfg(test)]
        mod more;
        const LAST: &str = "last";
    "##;
    assert_eq!(texts(source), ["a \"raw\" one", "a long {} one", "in\n\"two\" lines", "last"]);
    assert_eq!(refused("Whoever wrote it, besides us: it\nis over."), ["is over", "whoever"]);
    assert!(refused("it is overdue; besides, nobody renews it").is_empty());
    assert!(is_long(&format!("short\n{}", "x".repeat(LONGEST + 1))) && !is_long(&"x".repeat(LONGEST)));
}
