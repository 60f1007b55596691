//! Negative controls: the patches of `tests/mutants/`, and the copy of the project that bears them.
//!
//! A patch begins with two comment lines, which `git apply` skips:
//!
//! ```text
//! # why: the value of a pattern stands in the text of the statement
//! # test: -p app-tests --test repository -- injection::
//! diff --git a/core/src/… b/core/src/…
//! ```

mod scratch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

pub use scratch::Scratch;

/// One patch, and the test that must turn red by it.
#[derive(Debug, Clone)]
pub struct Mutant {
    pub name: String,
    pub why: String,
    /// Arguments of `cargo test`.
    pub test: Vec<String>,
    pub patch: PathBuf,
}

impl Mutant {
    /// All of the checkout in this folder, by name.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let folder = root.join("tests/mutants");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(patch: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&patch).with_context(|| format!("cannot read {}", patch.display()))?;
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (why, test) = head(&text).with_context(|| format!("tests/mutants/{name}.patch"))?;
        Ok(Self { name, why, test, patch })
    }
}

/// What its first two lines say.
fn head(text: &str) -> Result<(String, Vec<String>)> {
    let mut lines = text.lines();
    let mut said = |key: &str| {
        let line = lines.next().and_then(|line| line.strip_prefix("# ")?.strip_prefix(key));
        let said = line.map(str::trim).filter(|said| !said.is_empty());
        said.map(str::to_owned).with_context(|| format!("the line `# {key} …` is missing"))
    };
    let (why, test) = (said("why:")?, said("test:")?);
    let test: Vec<String> = test.split_whitespace().map(str::to_owned).collect();
    // Any red test of a whole binary would pass for the one that is meant.
    if !test.iter().any(|word| word == "--") || test.last().is_some_and(|word| word == "--") {
        bail!("`# test:` names no test behind a `--`");
    }
    Ok((why, test))
}

/// `git apply` in `folder`, whatever repository that may lie in.
///
/// Inside of a repository git would take a patch's paths for the repository's, and skip without a
/// word what lies outside of the folder.
pub fn git_apply(folder: &Path, options: &[&str], patch: &Path) -> Result<String> {
    let mut git = Command::new("git");
    git.current_dir(folder).arg("apply").args(options).arg(patch);
    for key in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(key);
    }
    if let Some(above) = folder.canonicalize()?.parent() {
        git.env("GIT_CEILING_DIRECTORIES", above);
    }
    let output = git.output().context("cannot run git")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_says_why_and_names_its_test() -> Result<()> {
        let (why, test) = head("# why: it leaks\n# test: -p app-tests --test house -- layers::\ndiff")?;
        assert_eq!((why.as_str(), test.len()), ("it leaks", 6));
        for bad in [
            "diff",
            "# why: x\ndiff",
            "# why: x\n# test:\ndiff",
            "# test: -- x\n# why: x\n",
            "# why: x\n# test: -p app-tests\n",
            "# why: x\n# test: -p app-tests --\n",
        ] {
            assert!(head(bad).is_err(), "{bad}");
        }
        Ok(())
    }
}
