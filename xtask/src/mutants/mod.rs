//! Negative controls: the faults of `tests/mutants/`, and the copy of the project that they are put into.
//!
//! A mutant is a small TOML file; tests/mutants/README.md describes it:
//!
//! ```text
//! why = "the value of a pattern is put into the statement's text"
//! test = "-p app-tests --test repository -- injection::"
//!
//! [[edit]]
//! file = "core/src/…"
//! find = "the shortest text that occurs exactly once in the file"
//! replace = "the fault"
//! ```

mod choose;
mod edit;
mod named;
mod scratch;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

pub use choose::{named, order, since};
pub use edit::{Edit, change};
pub use named::{TestName, tests_of};
pub use scratch::Scratch;

/// The folder of the mutants.
const FOLDER: &str = "tests/mutants";

/// One fault, and the test that must fail because of it.
#[derive(Debug, Clone)]
pub struct Mutant {
    pub name: String,
    pub why: String,
    pub test: Test,
    pub edits: Vec<Edit>,
}

/// Arguments of `cargo test`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    /// The package and the test binary: what stands before `--`.
    pub binary: Vec<String>,
    /// The names of tests, or parts of names: what stands after `--`.
    pub filters: Vec<String>,
}

/// A mutant's file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    why: String,
    test: String,
    edit: Vec<Edit>,
}

impl Mutant {
    /// Reads all mutants of a checkout, sorted by name.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let folder = root.join(FOLDER);
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| !path.ends_with("README.md"));
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Returns the path of the mutant's file from the project's folder.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{FOLDER}/{}.toml", self.name)
    }

    fn read(path: &Path) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{FOLDER}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.extension().is_none_or(|extension| extension != "toml") {
            bail!("{shown} is not a mutant: write it as {name}.toml; {FOLDER}/README.md shows the form");
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        parse(name, &text).with_context(|| format!("{shown} is not a valid mutant"))
    }
}

fn parse(name: String, text: &str) -> Result<Mutant> {
    let Written { why, test, edit: edits } = toml::from_str(text)?;
    if why.trim().is_empty() {
        bail!("`why` is empty: describe in one sentence the fault that a user would meet");
    }
    if edits.is_empty() {
        bail!("`edit` is empty: a mutant needs at least one edit");
    }
    Ok(Mutant { name, why, test: test.parse()?, edits })
}

impl std::str::FromStr for Test {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        match words.iter().position(|word| word == "--") {
            // Without a name, any failing test of the binary would count as the one that is meant.
            Some(at) if at > 0 && at + 1 < words.len() => {
                Ok(Self { binary: words[..at].to_vec(), filters: words[at + 1..].to_vec() })
            }
            _ => bail!(
                "`test` must name a package and a test, such as `-p app-tests --test api -- limits::`; it is `{text}`"
            ),
        }
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} -- {}", self.binary.join(" "), self.filters.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDIT: &str = "[[edit]]\nfile = 'core/src/app/mod.rs'\nfind = '''\n  a'b\n'''\nreplace = ''\n";

    #[test]
    fn a_mutant_says_why_and_names_its_test() -> Result<()> {
        let head = "why = 'it leaks'\ntest = '-p app-tests --test house -- layers::'\n";
        let mutant = parse("leak".to_owned(), &format!("{head}{EDIT}{EDIT}"))?;
        assert_eq!(
            (mutant.why.as_str(), mutant.test.filters.as_slice()),
            ("it leaks", &["layers::".to_owned()][..])
        );
        assert_eq!(mutant.test.to_string(), "-p app-tests --test house -- layers::");
        assert_eq!(mutant.path(), "tests/mutants/leak.toml");
        // TOML drops a newline right after the opening quotes, and keeps all others.
        assert_eq!((mutant.edits.len(), mutant.edits[0].find.as_str()), (2, "  a'b\n"));
        Ok(())
    }

    #[test]
    fn an_incomplete_mutant_is_refused() {
        let (why, test) = ("why = 'it leaks'\n", "test = '-p app-tests -- layers::'\n");
        for bad in [
            format!("{test}{EDIT}"),
            format!("{why}{EDIT}"),
            format!("{why}{test}"),
            format!("{why}{test}edit = []\n"),
            format!("why = ' '\n{test}{EDIT}"),
            format!("{why}test = '-p app-tests'\n{EDIT}"),
            format!("{why}test = '-p app-tests --'\n{EDIT}"),
            format!("{why}test = '-- layers::'\n{EDIT}"),
            format!("{why}{test}{EDIT}insert = 'a key that does not exist'\n"),
        ] {
            assert!(parse("bad".to_owned(), &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let refused =
            Mutant::read(Path::new("tests/mutants/old.patch")).expect_err("must be refused").to_string();
        assert!(refused.contains("old.toml") && refused.contains("README.md"), "{refused}");
    }
}
