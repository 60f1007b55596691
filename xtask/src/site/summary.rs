//! The table of contents, made from the list of pages in docs/README.md.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::page::place;
use std::path::Path;

/// Returns the text of a page's first heading.
#[must_use]
pub fn heading(page: &str) -> Option<&str> {
    page.lines().find_map(|line| line.strip_prefix("# "))
}

/// Returns SUMMARY.md: README, the list of pages, and each page of the list under its part. Below the index of the
/// decisions come the decisions, in its groups.
///
/// # Errors
/// If a page has no `title`, or the list has no page.
pub fn write(list: &str, decisions: &str, title: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut summary = "# Summary\n\n[Introduction](index.md)\n[All pages](docs/index.md)\n".to_owned();
    let mut pages = 0;
    for row in list.lines().filter_map(|line| line.strip_prefix("| ")) {
        let first = row.split(" | ").next().unwrap_or_default();
        if let Some(part) = first.strip_prefix("**").and_then(|rest| rest.strip_suffix("**")) {
            let _ = write!(summary, "\n# {part}\n\n");
        } else if let Some(link) = link(first) {
            pages += 1;
            let page = format!("docs/{link}");
            let _ = writeln!(summary, "{}", entry(&title(&page)?, &page));
            if link == "decisions/README.md" {
                for line in decisions.lines() {
                    if let Some(group) = line.strip_prefix("## ") {
                        // A chapter without a page: its title cannot be clicked.
                        let _ = writeln!(summary, "  - [{group}]()");
                    } else if let Some(decision) = line.strip_prefix("- ").and_then(self::link) {
                        let page = format!("docs/decisions/{decision}");
                        let _ = writeln!(summary, "    {}", entry(&title(&page)?, &page));
                    }
                }
            }
        }
    }
    (pages > 0).then_some(summary).context("docs/README.md lists no page: has its form changed?")
}

/// Returns the target of a link at the beginning of a text.
fn link(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.split_once("](")?.1.split(')').next()
}

fn entry(title: &str, page: &str) -> String {
    let title = title.replace('[', "\\[").replace(']', "\\]");
    format!("- [{title}]({})", place(Path::new(page)).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_of_the_list_is_under_its_part_and_decisions_below_their_index() {
        let list = "# Pages\n\n| page | for |\n|---|---|\n| **Decide** | |\n| [a.md](a.md) | all |\n\
                    | **Why** | |\n| [decisions/](decisions/README.md) | all |\n";
        let decisions = "# Decisions\n\n## Code\n\n- [0001](0001-a.md): One.\n";
        let summary = write(list, decisions, |page| Ok(format!("T of [{page}]"))).expect("a summary");
        assert_eq!(
            summary,
            "# Summary\n\n[Introduction](index.md)\n[All pages](docs/index.md)\n\
             \n# Decide\n\n- [T of \\[docs/a.md\\]](docs/a.md)\n\
             \n# Why\n\n- [T of \\[docs/decisions/README.md\\]](docs/decisions/index.md)\n  \
             - [Code]()\n    - [T of \\[docs/decisions/0001-a.md\\]](docs/decisions/0001-a.md)\n"
        );
        assert!(write("no table", decisions, |_| Ok(String::new())).is_err());
        assert_eq!(heading("x\n# Title `a`\n"), Some("Title `a`"));
    }
}
