//! A page as mdBook reads it: its links lead to places of the site, and its diagrams are elements.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::html::escape;

/// `.md` in a link to a file that is not a page.
pub(super) const MD: &str = "%2Emd";

/// Returns where a page is in the site. mdBook shows `index.md` for a folder, as a repository shows `README.md`.
#[must_use]
pub fn place(page: &Path) -> PathBuf {
    let is_index = page.file_name().is_some_and(|name| name == "README.md");
    if is_index { page.with_file_name("index.md") } else { page.to_owned() }
}

/// Returns the text of a page for the site. A link that leads nowhere is a fault.
#[must_use]
pub fn staged(
    page: &Path,
    text: &str,
    files: &BTreeSet<PathBuf>,
    pages: &BTreeSet<PathBuf>,
    faults: &mut Vec<String>,
) -> String {
    let mut staged = String::with_capacity(text.len());
    let mut fence = None;
    for line in text.lines() {
        let mark = line.trim_start().strip_prefix("```");
        match (mark, fence) {
            (Some(kind), None) => {
                fence = Some(kind);
                staged += if kind == "mermaid" { "<pre class=\"mermaid\">" } else { line };
            }
            (Some(_), Some(kind)) => {
                fence = None;
                staged += if kind == "mermaid" { "</pre>" } else { line };
            }
            (None, Some("mermaid")) => staged += &escape(line),
            (None, Some(_)) => staged += line,
            (None, None) => {
                let lead = |link: &str| match target(page, link, files, pages) {
                    Some(target) => target,
                    None => {
                        faults.push(format!("{}: {link}", page.display()));
                        link.to_owned()
                    }
                };
                staged += &with_links(line, lead);
            }
        }
        staged.push('\n');
    }
    staged
}

/// Returns a line with each link changed, but not in code.
fn with_links(line: &str, mut change: impl FnMut(&str) -> String) -> String {
    let mut changed = String::with_capacity(line.len());
    for (index, part) in line.split('`').enumerate() {
        if index > 0 {
            changed.push('`');
        }
        let is_code = index % 2 == 1;
        let mut rest = part;
        while !is_code && let Some((before, after)) = rest.split_once("](") {
            let Some((link, after)) = after.split_once(')') else { break };
            changed += &format!("{before}]({})", change(link));
            rest = after;
        }
        changed += rest;
    }
    changed
}

/// Returns where a link leads in the site, or `None` if it leads nowhere.
fn target(page: &Path, link: &str, files: &BTreeSet<PathBuf>, pages: &BTreeSet<PathBuf>) -> Option<String> {
    let (written, anchor) = link.split_at(link.find('#').unwrap_or(link.len()));
    if written.is_empty() || link.contains("://") || link.starts_with("mailto:") {
        return Some(link.to_owned());
    }
    let path = joined(page.parent()?, written)?;
    let written = written.trim_end_matches('/');
    if pages.contains(&path) {
        let index = written.strip_suffix("README.md").map(|folder| format!("{folder}index.md"));
        return Some(index.unwrap_or_else(|| written.to_owned()) + anchor);
    }
    // A file that is no page and a folder have an index page.
    let is_there = files.range(path.clone()..).next().is_some_and(|file| file.starts_with(&path));
    // mdBook takes `.md` in any place of a link for a page.
    is_there.then(|| format!("{}/index.html{anchor}", written.replace(".md", MD)))
}

/// Returns a path below the root of the repository, or `None` if it leads out of it.
fn joined(folder: &Path, link: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::Normal(name) => path.push(name),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> BTreeSet<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    fn stage(page: &str, text: &str) -> (String, Vec<String>) {
        let pages = set(&["README.md", "docs/README.md", "docs/a.md", "docs/decisions/README.md"]);
        let mut files =
            set(&["core/README.md", "core/src/lib.rs", "docs/openapi.json", "functions/a/src/lib.rs"]);
        files.extend(pages.iter().cloned());
        let mut faults = Vec::new();
        let staged = staged(Path::new(page), text, &files, &pages, &mut faults);
        (staged, faults)
    }

    #[test]
    fn links_lead_to_pages_to_sources_and_to_folders() {
        let changed = |page, text| {
            let (staged, faults) = stage(page, text);
            assert_eq!(faults, [""; 0]);
            staged.trim_end().to_owned()
        };
        assert_eq!(changed("docs/a.md", "[x](a.md#b) [y](#c)"), "[x](a.md#b) [y](#c)");
        assert_eq!(changed("docs/a.md", "[x](../README.md#b)"), "[x](../index.md#b)");
        assert_eq!(changed("README.md", "[x](docs/decisions/README.md)"), "[x](docs/decisions/index.md)");
        assert_eq!(
            changed("docs/a.md", "[`x`](../core/src/lib.rs)."),
            "[`x`](../core/src/lib.rs/index.html)."
        );
        assert_eq!(changed("docs/a.md", "[x](openapi.json)"), "[x](openapi.json/index.html)");
        assert_eq!(
            changed("README.md", "[x](functions/) [y](core)"),
            "[x](functions/index.html) [y](core/index.html)"
        );
        assert_eq!(changed("README.md", "[x](core/README.md)"), "[x](core/README%2Emd/index.html)");
        assert_eq!(changed("README.md", "[x](https://a.b/c.md)"), "[x](https://a.b/c.md)");
        assert_eq!(place(Path::new("docs/README.md")), Path::new("docs/index.md"));
    }

    #[test]
    fn code_stays_and_a_link_to_nothing_is_a_fault() {
        let code = "`[x](y)` and\n```sh\n[x](y)\n```\n";
        assert_eq!(stage("docs/a.md", code), (code.to_owned(), Vec::new()));
        let (_, faults) = stage("docs/a.md", "[x](none.md) [y](../../a.md) [z](../cor)");
        assert_eq!(faults, ["docs/a.md: none.md", "docs/a.md: ../../a.md", "docs/a.md: ../cor"]);
    }

    #[test]
    fn a_diagram_is_an_element_that_shows_its_text() {
        let (staged, _) = stage("README.md", "```mermaid\nflowchart LR\n  a --> b[x & y]\n```\nz\n");
        assert_eq!(staged, "<pre class=\"mermaid\">\nflowchart LR\n  a --&gt; b[x &amp; y]\n</pre>\nz\n");
    }
}
