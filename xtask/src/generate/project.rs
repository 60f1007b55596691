//! Renaming the product: its title, its issuer and its stack, wherever they are written.
//!
//! The packages (`app-core`), the database and its login (`app`) have names of the architecture, which stay.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::plan::Plan;
use super::{names, read};
use crate::checkout::Checkout;

/// A stack's name may have 42 characters, and `-test` is the longest end of a local one.
const LONGEST_NAME: usize = 37;
/// As many characters as `ProjectName` of the template takes.
const LONGEST_TITLE: usize = 32;

/// The file with the title of the API.
const TITLED: &str = "catalogue/src/openapi/mod.rs";

/// The names of a product.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// In names of stacks, as in `acme-orders`.
    pub name: String,
    /// In documents, as in `Acme Orders`.
    pub title: String,
    /// `PROJECT_NAME`: in tokens and mails, as in `Acme-Orders`.
    pub project: String,
}

/// Files, and the texts with names in them. Each is there at least once.
const PLACES: &[(&str, &[&str])] = &[
    ("README.md", &["# {title}\n"]),
    (".env.example", &["\nPROJECT_NAME={project}\n", "\nMAIL_FROM='{project} <", "/{name}-dev-events"]),
    (TITLED, &["        title = \"{title}\","]),
    ("core/src/interfaces/rpc/status.rs", &["domain: \"{name}\""]),
    (
        "samconfig.toml",
        &[
            "\nstack_name = \"{name}\"",
            "\nstack_name = \"{name}-",
            "\ns3_prefix = \"{name}\"",
            "\ns3_prefix = \"{name}-",
            "DatabaseHost={name}-",
            ":secret:{name}-",
            "123456789012:{name}-",
            ":policy/{name}-",
        ],
    ),
    ("ops/account.yaml", &["    Default: {name}\n    AllowedPattern: '^[a-z]["]),
    ("template.base.yaml", &["    Default: {project}\n    AllowedPattern: '^[A-Za-z]["]),
    ("xtask/src/product.rs", &["NAME: &str = \"{name}\"", "PROJECT: &str = \"{project}\""]),
];

/// Texts in the pages of docs/. Each is there in at least one page.
const IN_PAGES: &[&str] = &[
    "--stack-name {name}",
    "--stack-name {name}-",
    "--name {name}-",
    "/aws/lambda/{name}-",
    "{name}/dev/database/",
    "StackPrefix={name}",
    "StackPrefix={name}-",
    // Of the stacks and secrets that docs/deploying.md makes.
    "{name}-account",
    "{name}-network",
    "{name}-database",
    "{name}-staging",
    "{name}-mail",
    "{name}-waf",
    "{name}-key-",
    "\"{name}-$",
    "Values={name}-",
    "Values={name},",
    "(StackName, '{name}'",
];

/// Returns what renames the product.
pub fn rename(checkout: &Checkout, name: &str, title: Option<&str>, issuer: Option<&str>) -> Result<Plan> {
    let new = Names::new(name, title, issuer)?;
    clean(checkout)?;
    let old = Names::read(checkout)?;
    if old == new {
        bail!("the project has these names already; choose another one");
    }
    Ok(Plan {
        written: renamed(checkout, &old, &new)?,
        documents: true,
        decisions: vec![
            "what README.md says below its title, and whether docs/comparison.md and docs/limits.md stay"
                .to_owned(),
            "the values of samconfig.toml, which are examples".to_owned(),
            "when to deploy it: a deployed stack keeps its name, and a new issuer signs everyone out"
                .to_owned(),
            "a stack that `cargo xtask up` runs has the old name until the next `up`".to_owned(),
        ],
        ..Plan::default()
    })
}

impl Names {
    fn new(name: &str, title: Option<&str>, issuer: Option<&str>) -> Result<Self> {
        if !name.split('-').all(names::is_word) || name.len() > LONGEST_NAME {
            bail!(
                "the name `{name}` is not valid; use up to {LONGEST_NAME} lower-case letters, digits and hyphens, as in acme-orders"
            );
        }
        let words: Vec<String> = name.split('-').map(super::spec::sentence).collect();
        let title = title.map_or_else(|| words.join(" "), str::to_owned);
        let word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let begins = title.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if !begins || !title.split(' ').all(word) || title.len() > LONGEST_TITLE {
            bail!(
                "the title `{title}` is not valid; use up to {LONGEST_TITLE} letters, digits and spaces, as in \"Acme Orders\""
            );
        }
        let project = issuer.map_or_else(|| title.replace(' ', "-"), str::to_owned);
        let begins = project.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !begins || !project.bytes().all(allowed) || project.len() > LONGEST_TITLE {
            bail!(
                "the issuer `{project}` is not valid; use up to {LONGEST_TITLE} letters, digits, - and _, as in --issuer ACME"
            );
        }
        Ok(Self { name: name.to_owned(), title, project })
    }

    /// Reads the present names.
    pub fn read(checkout: &Checkout) -> Result<Self> {
        let between = |file: &str, before: &str, after: &str| -> Result<String> {
            let text = read(checkout, file)?;
            let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
            found
                .map(|(name, _)| name.to_owned())
                .with_context(|| format!("{file} has no line `{}…`", before.trim()))
        };
        Ok(Self {
            name: between("xtask/src/product.rs", "NAME: &str = \"", "\"")?,
            project: between("xtask/src/product.rs", "PROJECT: &str = \"", "\"")?,
            title: between(TITLED, "        title = \"", "\"")?,
        })
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{name}", &self.name).replace("{title}", &self.title).replace("{project}", &self.project)
    }
}

/// Returns the files that name the product, with its new names.
fn renamed(checkout: &Checkout, old: &Names, new: &Names) -> Result<Vec<(String, String)>> {
    let mut written = Vec::new();
    for (file, places) in PLACES {
        let mut text = read(checkout, file)?;
        for place in *places {
            let before = text.clone();
            text = replaced(&text, &old.fill(place), &new.fill(place));
            if text == before && old.fill(place) != new.fill(place) {
                bail!(
                    "{file} does not have the text `{}`; correct it, then try again",
                    old.fill(place).trim()
                );
            }
        }
        written.push(((*file).to_owned(), text));
    }
    let mut missing = IN_PAGES.to_vec();
    for file in pages(checkout)? {
        let before = read(checkout, &file)?;
        let mut text = before.clone();
        for place in IN_PAGES {
            let next = replaced(&text, &old.fill(place), &new.fill(place));
            missing.retain(|other| other != place || next == text);
            text = next;
        }
        if text != before {
            written.push((file, text));
        }
    }
    if let Some(place) = missing.first().filter(|_| old.name != new.name) {
        bail!("no page of docs/ has the text `{}`; correct generate/project.rs", old.fill(place));
    }
    Ok(written)
}

/// Returns the pages of docs/, without the decisions, which are of their time.
fn pages(checkout: &Checkout) -> Result<Vec<String>> {
    let names = fs::read_dir(checkout.root().join("docs")).context("cannot read docs/")?;
    let names = names.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut pages: Vec<_> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    pages.sort();
    Ok(pages)
}

/// Replaces a text, but not where its last word is longer: `app` is not replaced in `app-test` or `apple`.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let open = old.ends_with(in_word) && !old.ends_with('-');
    let (mut result, mut rest) = (String::new(), text);
    while let Some(place) = rest.find(old) {
        let (before, after) = (&rest[..place], &rest[place + old.len()..]);
        result += before;
        result += if open && after.starts_with(in_word) { old } else { new };
        rest = after;
    }
    result + rest
}

/// Fails if the work tree has changes, which could not be told from those of the new name.
fn clean(checkout: &Checkout) -> Result<()> {
    let mut git = Command::new("git");
    let output = git.current_dir(checkout.root()).args(["status", "--porcelain", "--", "."]).output();
    let output = output.context("cannot run git, which says whether files have changed")?;
    if !output.status.success() {
        bail!(
            "git cannot say whether files have changed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let changed = String::from_utf8_lossy(&output.stdout);
    if let Some(first) = changed.lines().next() {
        bail!(
            "files have changed, such as `{}`; commit them first, so that you can see what the new name changes",
            first.trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str, title: &str) -> Names {
        Names::new(name, Some(title), None).unwrap()
    }

    #[test]
    fn each_place_has_the_present_names_and_takes_two_others() {
        let checkout = Checkout::find().unwrap();
        let (old, new) = (Names::read(&checkout).unwrap(), names("acme-orders", "Acme Orders"));
        let written = renamed(&checkout, &old, &new).unwrap();
        for (file, text) in &written {
            let now = read(&checkout, file).unwrap();
            assert!(*text != now && (text.contains("acme-orders") || text.contains("Acme")), "{file}");
            let mut again = text.clone();
            let places =
                PLACES.iter().find(|(known, _)| known == file).map_or(IN_PAGES, |(_, places)| places);
            for place in places {
                again = replaced(&again, &new.fill(place), &old.fill(place));
            }
            assert_eq!(again, now, "{file} is not as before");
        }
        assert!(written.iter().any(|(file, _)| file == "docs/operations.md"), "{written:?}");
    }

    #[test]
    fn a_title_follows_from_the_name_and_bad_names_are_refused() {
        let follows = Names::new("acme-orders2", None, None).unwrap();
        assert_eq!((&*follows.title, &*follows.project), ("Acme Orders2", "Acme-Orders2"));
        for (name, title, problem) in [
            ("Acme", None, "the name `Acme` is not valid"),
            ("acme_orders", None, "is not valid"),
            ("acme-", None, "is not valid"),
            ("2acme", None, "is not valid"),
            (&"a".repeat(38), None, "up to 37"),
            (&"a".repeat(37), None, "up to 32"),
            ("acme", Some("Acme: \"x\""), "the title"),
            ("acme", Some("Acme  Orders"), "the title"),
            ("acme", Some("4cme"), "the title"),
            ("acme", Some(""), "the title"),
        ] {
            let error = Names::new(name, title, None).expect_err(name).to_string();
            assert!(error.contains(problem), "{name}: {error}");
        }
        let error = Names::new("acme", None, Some("a: b")).expect_err("an issuer").to_string();
        assert!(error.contains("the issuer `a: b` is not valid"), "{error}");
    }

    #[test]
    fn a_longer_word_is_another_word() {
        let text = "--name app --name app-test --name apple --name app\n";
        assert_eq!(
            replaced(text, "--name app", "--name x"),
            "--name x --name app-test --name apple --name x\n"
        );
        assert_eq!(replaced("secret:app-a", "secret:app-", "secret:x-"), "secret:x-a");
    }
}
