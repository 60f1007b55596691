//! Each block of commands in the documentation says which test runs it or why none does, unless `cargo xtask` can check
//! it: it accepts all of its commands. Each example in Rust says where it is compiled.
//!
//! A block says it in its first line (`# Only on AWS`, `# Tested by FILE`), or in a comment above it, which readers do
//! not see: `<!-- tested by FILE -->`, `<!-- not run: REASON -->`, `<!-- compiled in FILE -->` or
//! `<!-- not compiled: REASON -->`.

use std::{fs, path::Path};

use proc_macro2::TokenStream;
use xtask::{checkout::Checkout, cli};

use crate::links::pages;

/// This page has code of the generator; its test compares each block.
const GENERATED: &str = "docs/adding-a-domain.md";

/// What a test that runs such a command has in its code.
const TRACES: [(&str, &str); 5] = [
    ("cargo xtask database-roles", "\"database-roles\""),
    ("cargo xtask database-ca", "database-ca"),
    ("cargo xtask release", "\"release\", \"rollback\""),
    ("cargo xtask new endpoint", "\"endpoint\""),
    ("psql", "roles.sql"),
];

/// A block of code, and the comment directly above it.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    language: &'a str,
    note: Option<&'a str>,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    let mut above = "";
    for line in page.lines().map(str::trim) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let note = above.strip_prefix("<!-- ").and_then(|note| note.strip_suffix(" -->"));
                open = Some(Block { language, note, lines: Vec::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => above = line,
        }
    }
    found
}

/// Returns the commands of a block, each on one line and without its comment.
fn commands(block: &Block<'_>) -> Vec<String> {
    let joined = block.lines.join("\n").replace("\\\n", "");
    let lines = joined.lines().map(|line| match line.find(" #") {
        Some(comment) => line[..comment].trim_end().to_owned(),
        None => line.to_owned(),
    });
    lines.filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("--")).collect()
}

/// Returns whether a command is one `cargo xtask`, also with variables before it.
fn is_call(command: &str) -> bool {
    let mut words = command.split(' ').skip_while(|word| word.contains('='));
    (words.next(), words.next()) == (Some("cargo"), Some("xtask"))
}

/// Returns the arguments of each `cargo xtask` in a command.
fn calls(command: &str) -> Vec<Vec<String>> {
    command.split("cargo xtask ").skip(1).map(arguments).collect()
}

/// Splits text as a shell does, up to the end of the command.
fn arguments(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(end)) if c == end => quote = None,
            (')' | '|' | ';' | '&' | '>', None) => break,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns what is wrong with a block of commands.
fn faults_of_commands(page: &str, block: &Block<'_>, read: &impl Fn(&str) -> String) -> Vec<String> {
    let commands = commands(block);
    let calls = commands.iter().flat_map(|command| calls(command));
    let mut faults: Vec<_> = calls.filter_map(|call| cli::refusal(&call)).collect();
    let first = block.lines.first().copied().unwrap_or_default();
    if first == "# Only on AWS" || block.note.is_some_and(|note| note.starts_with("not run: ")) {
        return faults;
    }
    let test =
        first.strip_prefix("# Tested by ").or(block.note.and_then(|note| note.strip_prefix("tested by ")));
    let Some(test) = test else {
        let unchecked = commands.iter().filter(|command| !is_call(command));
        faults.extend(
            unchecked.map(|command| format!("{command}: says neither `Only on AWS` nor which test runs it")),
        );
        return faults;
    };
    let code = read(test);
    let runs = |command: &str| {
        let trace = TRACES.iter().find(|(start, _)| command.starts_with(start)).map(|(_, trace)| trace);
        // A test that reads the page runs what is there.
        code.contains(page) || trace.is_some_and(|trace| code.contains(trace))
    };
    faults.extend(
        commands
            .iter()
            .filter(|command| !runs(command))
            .map(|command| format!("{command}: {test} does not run it")),
    );
    faults
}

/// Returns code without spaces, comments and commas that only a formatter needs.
fn tokens(code: &str) -> Result<String, String> {
    let tokens: TokenStream = code.parse().map_err(|error| format!("is not Rust: {error}"))?;
    let text: String = tokens.to_string().split_whitespace().collect();
    Ok(text.replace(",)", ")").replace(",]", "]").replace(",}", "}"))
}

fn fault_of_rust(block: &Block<'_>, read: &impl Fn(&str) -> String) -> Option<String> {
    let first = block.lines.first().copied().unwrap_or_default();
    if block.note.is_some_and(|note| note.starts_with("not compiled: ")) {
        return None;
    }
    let Some(file) = block.note.and_then(|note| note.strip_prefix("compiled in ")) else {
        return Some(format!("{first}: does not say where it is compiled"));
    };
    match (tokens(&block.lines.join("\n")), tokens(&read(file))) {
        (Err(fault), _) | (_, Err(fault)) => Some(format!("{first}: {fault}")),
        (Ok(example), Ok(code)) => {
            (!code.contains(&example)).then(|| format!("{first}: {file} has other code"))
        }
    }
}

/// Returns what is wrong with the blocks of a page.
fn faults(name: &str, page: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let blocks = blocks(page);
    let found = blocks.iter().flat_map(|block| match block.language {
        "sh" => faults_of_commands(name, block, &read),
        "rust" if name != GENERATED => fault_of_rust(block, &read).into_iter().collect(),
        _ => Vec::new(),
    });
    found.map(|fault| format!("{name}: {fault}")).collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_block_of_the_documentation_is_run_or_compiled_or_says_why_not() {
    let root = Checkout::find().expect("the checkout").root().to_owned();
    let (mut found, mut shell, mut rust) = (Vec::new(), 0, 0);
    for path in pages(&root) {
        let name = path.strip_prefix(&root).expect("a page of the checkout").display().to_string();
        let page = read(&name);
        shell += blocks(&page).iter().filter(|block| block.language == "sh").count();
        rust += blocks(&page).iter().filter(|block| block.language == "rust").count();
        found.extend(faults(&name, &page, read));
    }
    assert!(shell > 50 && rust > 20, "only {shell} and {rust} blocks were found: have they another form?");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_block_that_nothing_runs_is_found() {
    let none = |_: &str| String::new();
    let sh = |text: &str| faults("docs/a.md", &format!("<!-- {text}\n```\n"), none);
    let rule = "says neither `Only on AWS` nor which test runs it";
    assert_eq!(sh("-->\n```sh\ncurl x # y"), [format!("docs/a.md: curl x: {rule}")]);
    assert_eq!(sh("-->\n```sh\n# Only on AWS\ncurl x"), [""; 0]);
    assert_eq!(sh("not run: it needs a phone -->\n```sh\ncurl x"), [""; 0]);
    assert_eq!(sh("-->\n```sh\ncargo xtask queue peek events --limit 3 # some"), [""; 0]);
    let refused = sh("-->\n```sh\nURL=$(cargo xtask queue pick | cat)");
    assert!(refused[0].contains("cargo xtask queue pick"), "{refused:?}");
    assert_eq!(sh("-->\n```sh\n# Tested by b.rs\npsql \\\n  x"), ["docs/a.md: psql x: b.rs does not run it"]);
    let page = "<!-- tested by b.rs -->\n```sh\ncurl x\n```\n";
    assert_eq!(faults("docs/a.md", page, |_| "include_str!(\"../docs/a.md\")".to_owned()), [""; 0]);
    assert_eq!(faults("docs/a.md", page, none), ["docs/a.md: curl x: b.rs does not run it"]);
}

#[test]
fn an_example_that_is_not_compiled_is_found() {
    let code = |_: &str| "fn x() { call(1, 2); // other\n more() }".to_owned();
    let rust = |note: &str, example: &str| {
        faults("docs/a.md", &format!("<!-- {note} -->\n```rust\n{example}\n```\n"), code)
    };
    assert_eq!(rust("compiled in b.rs", "call(\n  1, // one\n  2,\n);"), [""; 0]);
    assert_eq!(rust("compiled in b.rs", "call(1, 3);"), ["docs/a.md: call(1, 3);: b.rs has other code"]);
    assert_eq!(rust("x", "call(1);"), ["docs/a.md: call(1);: does not say where it is compiled"]);
    assert_eq!(rust("not compiled: half of it", "call("), [""; 0]);
    assert!(rust("compiled in b.rs", "call(")[0].contains("is not Rust"));
}
