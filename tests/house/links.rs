//! A link from one page to another leads somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The pages: README.md, and all that is in docs/.
pub(crate) fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = vec![root.join("README.md")];
    for folder in [root.join("docs"), root.join("docs/decisions")] {
        let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    pages
}

/// Without what is code.
fn prose(text: &str) -> String {
    let outside: String = text.split("```").step_by(2).collect();
    outside.split('`').step_by(2).collect()
}

/// Returns the targets of the links: the texts in round brackets directly after square ones.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
}

/// A heading as an anchor has it.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// What is wrong with a page's links.
fn broken(page: &Path, text: &str) -> Vec<String> {
    let leads_nowhere = |link: &&str| {
        let (file, place) = link.split_once('#').map_or((*link, None), |(file, place)| (file, Some(place)));
        let target = if file.is_empty() { page.to_owned() } else { page.with_file_name(file) };
        !target.exists()
            || place.is_some_and(|place| {
                !anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(place)
            })
    };
    let prose = prose(text);
    let own = links(&prose).filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
    own.filter(leads_nowhere).map(|link| format!("{}: {link}", page.display())).collect()
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = pages(&root);
    assert!(pages.len() > 20, "only {} were found: have they moved?", pages.len());
    let all = pages.iter().flat_map(|page| broken(page, &fs::read_to_string(page).expect("a page")));
    let all: Vec<String> = all.collect();
    assert!(all.is_empty(), "they lead nowhere:\n{}", all.join("\n"));
}

#[test]
fn a_link_to_a_file_or_a_heading_that_is_not_there_is_found() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let found = |text: &str| broken(&page, text).len();
    assert_eq!(found("[a](docs/errors.md) [b](https://example.com/x.md) [c](core/src/lib.rs)"), 0);
    assert_eq!(found("[a](docs/nothing.md)"), 1);
    assert_eq!(found("[a](docs/security.md#supply-chain)"), 0);
    assert_eq!(found("[a](docs/security.md#nothing)"), 1);
}
