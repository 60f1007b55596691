//! `cargo xtask openapi`: generates docs/openapi.json, docs/messages.json and the tables of pages in docs/, which are
//! committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::assets;
use crate::binaries::{built, cargo_build};
use crate::checkout::Checkout;
use crate::help::{self, Help};
use crate::ui;

/// Files that the code generates, by the name of their document.
const DOCUMENTS: [(&str, &str); 2] = [("openapi", "docs/openapi.json"), ("messages", "docs/messages.json")];

/// Tables that the code generates, and their pages.
const TABLES: [(&str, &str); 6] = [
    ("endpoints", "docs/routes.md"),
    ("parameters", "docs/settings.md"),
    ("lookups", "docs/repository.md"),
    ("metrics", "docs/logging.md"),
    ("alarms", "docs/alarms.md"),
    ("log-lines", "docs/log-lines.md"),
];

/// The table that this program makes itself, because it has the command line.
const OPTIONS: (&str, &str) = ("options", "docs/commands.md");

/// The program of the catalogue that prints the others.
const PROGRAM: &str = "documents";

pub fn run(check: bool, commands: &clap::Command) -> Result<()> {
    let checkout = Checkout::find()?;
    let mut texts = texts(&checkout)?;
    let (table, file) = OPTIONS;
    texts.push((file, page(&checkout, table, file, &options(help::of(commands)))?));
    for (name, text) in texts {
        if !check {
            write_file(&checkout, name, text)?;
            ui::say(&format!("wrote {name}"));
        } else if fs::read(checkout.root().join(name)).ok() != Some(text) {
            bail!("{name} is out of date; run `cargo xtask openapi`");
        }
    }
    Ok(())
}

/// The files that are generated, or have a generated table.
pub(super) fn files() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.into_iter().chain(TABLES).map(|(_, file)| file)
}

/// Generates and writes what follows from the code of the functions.
pub(super) fn write(checkout: &Checkout) -> Result<()> {
    texts(checkout)?.into_iter().try_for_each(|(name, text)| write_file(checkout, name, text))
}

fn write_file(checkout: &Checkout, name: &str, text: Vec<u8>) -> Result<()> {
    fs::write(checkout.root().join(name), text).with_context(|| format!("cannot write {name}"))
}

/// Returns each file as it should be.
fn texts(checkout: &Checkout) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let program = program(checkout)?;
    let mut texts = Vec::new();
    for (document, file) in DOCUMENTS {
        texts.push((file, print(&program, document)?));
    }
    for (table, file) in TABLES {
        let rows = String::from_utf8(print(&program, table)?)?;
        texts.push((file, page(checkout, table, file, &rows)?));
    }
    Ok(texts)
}

/// Returns a page with its table as it should be.
fn page(checkout: &Checkout, table: &str, file: &str, rows: &str) -> Result<Vec<u8>> {
    let page =
        fs::read_to_string(checkout.root().join(file)).with_context(|| format!("cannot read {file}"))?;
    let page = with_table(&page, table, rows).with_context(|| format!("cannot write the table of {file}"))?;
    Ok(page.into_bytes())
}

/// Returns a page with other rows between the two marks of its table.
fn with_table(page: &str, table: &str, rows: &str) -> Result<String> {
    let begin = format!("<!-- generated: {table}, by `cargo xtask openapi` -->\n");
    let end = "<!-- end -->\n";
    let (before, rest) = page
        .split_once(&begin)
        .with_context(|| format!("the line `{}` is missing; write it before the table", begin.trim_end()))?;
    let (_, after) = rest
        .split_once(end)
        .with_context(|| format!("the line `{}` is missing; write it after the table", end.trim_end()))?;
    Ok(format!("{before}{begin}\n{rows}\n{end}{after}"))
}

/// Returns the table of all commands and their options, with the first sentence of the help.
fn options(help: Vec<Help>) -> String {
    let mut table = "| command or option | does |\n|---|---|\n".to_owned();
    for Help { name, text, .. } in help {
        let first = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        let first = first.replace('|', "\\|").replace('<', "&lt;");
        table += &format!("| `{name}` | {first} |\n");
    }
    table
}

/// Returns a document that the package `catalogue` makes.
pub(super) fn generate(checkout: &Checkout, document: &str) -> Result<Vec<u8>> {
    print(&program(checkout)?, document)
}

/// Returns the program that prints the documents. It knows the core and every endpoint, so it is a separate program:
/// no other command waits until they are compiled.
fn program(checkout: &Checkout) -> Result<PathBuf> {
    assets::ready(checkout)?;
    let build = cargo_build(checkout, [("catalogue", PROGRAM)]).arg("--quiet").status();
    if !build.context("cannot run cargo; install Rust from https://rustup.rs")?.success() {
        bail!("could not build the program `{PROGRAM}`; see the errors above");
    }
    built(checkout, PROGRAM)
}

fn print(program: &Path, document: &str) -> Result<Vec<u8>> {
    let output = Command::new(program).arg(document).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("could not generate the document `{document}`; see the errors above");
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_between_their_marks() {
        let page = "a\n<!-- generated: x, by `cargo xtask openapi` -->\nold\n<!-- end -->\nb\n";
        let new = "a\n<!-- generated: x, by `cargo xtask openapi` -->\n\n| n |\n\n<!-- end -->\nb\n";
        assert_eq!(with_table(page, "x", "| n |\n").expect("a table"), new);
        let missing = |page: &str, table| with_table(page, table, "").expect_err("no mark").to_string();
        assert!(missing(page, "y").contains("generated: y"));
        assert!(missing(&page.replace("<!-- end -->", ""), "x").contains("`<!-- end -->` is missing"));
    }

    #[test]
    fn an_option_has_the_first_paragraph_of_its_help() {
        let help =
            Help { name: "a --b".into(), text: "Does x | y\nof <Z>.\n\nMore.".into(), is_command: false };
        assert!(options(vec![help]).ends_with("| `a --b` | Does x \\| y of &lt;Z>. |\n"));
    }
}
