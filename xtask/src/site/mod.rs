//! The documentation site: README and the pages of docs/, which mdBook draws.
//!
//! The site has the folders of the repository, so a link between two pages is the same in both. The pages are
//! copied with three changes: [`summary`] makes the table of contents from docs/README.md, [`page`] lets links to
//! other files lead to [`sources`], and diagrams become elements that a script draws. [`check`] then follows each
//! link of the result.

pub mod check;
mod file;
pub mod page;
pub mod sources;
pub mod summary;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use self::file::write;
use crate::checkout::Checkout;
use crate::install::{mdbook, node::Node};
use crate::ui;

/// The settings of mdBook, the style, the script, and the package that it draws diagrams with.
const PARTS: &str = "xtask/site";
/// The list of pages, in reading order.
const LIST: &str = "docs/README.md";
const DECISIONS: &str = "docs/decisions/README.md";
const README: &str = "README.md";

/// How many faults an error names.
const NAMED: usize = 20;

/// Builds the site into target/site and returns its first page.
///
/// # Errors
/// If mdBook cannot be installed or fails, or if a link leads nowhere.
pub fn build(checkout: &Checkout) -> Result<PathBuf> {
    let program = mdbook::ready(checkout)?;
    let parts = checkout.root().join(PARTS);
    // Two commands started together build one after the other.
    let lock =
        File::create(checkout.root().join(".local/site.lock")).context("cannot write .local/site.lock")?;
    lock.lock()?;
    Node::ready(checkout)?.packages(&parts)?;
    let folder = checkout.target_dir()?.join("site");
    let _ = fs::remove_dir_all(&folder);
    let files = checkout.files()?;
    let pages: BTreeSet<PathBuf> = files.iter().filter(|file| is_page(file)).cloned().collect();
    let site = folder.join("html");
    ui::step("building the documentation site", || {
        let title = write_source(checkout.root(), &parts, &folder, &files, &pages)?;
        draw(&program, &folder, &title)?;
        sources::write(checkout.root(), &site, files.difference(&pages))?;
        refuse("links of the site lead nowhere, or to another host", &check::faults(&site)?)
    })?;
    Ok(site.join("index.html"))
}

/// Returns whether a file is a page of the site.
fn is_page(file: &Path) -> bool {
    let is_text = file.extension().is_some_and(|kind| kind == "md");
    is_text && (file.starts_with("docs") || file == Path::new(README))
}

/// Writes what mdBook reads, and returns the title of the site.
fn write_source(
    root: &Path,
    parts: &Path,
    folder: &Path,
    files: &BTreeSet<PathBuf>,
    pages: &BTreeSet<PathBuf>,
) -> Result<String> {
    let source = folder.join("src");
    let read =
        |file: &str| fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"));
    let title = summary::heading(&read(README)?).context("README.md has no heading")?.to_owned();
    let mut faults = Vec::new();
    for path in pages {
        let text = fs::read_to_string(root.join(path))?;
        let text = page::staged(path, &text, files, pages, &mut faults);
        write(&source.join(page::place(path)), text.as_bytes())?;
    }
    refuse("links of the pages lead nowhere", &faults)?;
    let contents = summary::write(&read(LIST)?, &read(DECISIONS)?, |page| {
        summary::heading(&read(page)?).map(str::to_owned).with_context(|| format!("{page} has no heading"))
    })?;
    write(&source.join("SUMMARY.md"), contents.as_bytes())?;
    let copy = |from: &str, to: &Path| {
        let content = fs::read(parts.join(from)).with_context(|| format!("cannot read {PARTS}/{from}"))?;
        write(to, &content)
    };
    for part in ["book.toml", "site.css", "diagrams.js"] {
        copy(part, &folder.join(part))?;
    }
    copy("node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js", &source.join("mermaid.tiny.js"))?;
    Ok(title)
}

fn draw(program: &Path, folder: &Path, title: &str) -> Result<()> {
    let mut mdbook = Command::new(program);
    mdbook.arg("build").arg(folder).env("MDBOOK_BOOK__TITLE", title).env("RUST_LOG", "warn");
    let output = mdbook.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // mdBook continues after a warning, such as an element that is not closed.
    if !output.status.success() || said.contains("WARN") {
        bail!("mdBook found a fault in the pages:\n{}", said.trim());
    }
    Ok(())
}

fn refuse(what: &str, faults: &[String]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = faults.iter().take(NAMED).map(String::as_str).collect();
    bail!("{} {what}:\n  {}", faults.len(), named.join("\n  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_readme_and_what_is_in_docs() {
        let pages = ["README.md", "docs/a.md", "docs/decisions/0001-a.md"];
        assert!(pages.iter().all(|file| is_page(Path::new(file))));
        let others = ["tests/mutants/README.md", "docs/openapi.json", "docs.md"];
        assert!(!others.iter().any(|file| is_page(Path::new(file))));
    }

    #[test]
    fn the_first_faults_are_named() {
        assert!(refuse("links lead nowhere", &[]).is_ok());
        let faults: Vec<String> = (0..30).map(|number| format!("fault {number}.")).collect();
        let error = refuse("links lead nowhere", &faults).expect_err("faults").to_string();
        assert!(error.starts_with("30 links lead nowhere:\n  fault 0."), "{error}");
        assert!(error.contains("fault 19.") && !error.contains("fault 20."), "{error}");
    }
}
