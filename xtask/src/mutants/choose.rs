//! Which mutants a run takes, and in which order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Mutant, tests_of};

/// Keeps the mutants with these names, or all mutants if no name is given.
pub fn named(mut all: Vec<Mutant>, names: &[String]) -> Result<Vec<Mutant>> {
    let known: Vec<String> = all.iter().map(|mutant| mutant.name.clone()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("tests/mutants/{unknown}.toml does not exist; choose from: {}", known.join(", "));
    }
    all.retain(|mutant| names.is_empty() || names.contains(&mutant.name));
    Ok(all)
}

/// Keeps the mutants that a change since `commit` may concern: their own file, a file that they
/// edit or a file with their test has changed, committed or not.
pub fn since(root: &Path, all: Vec<Mutant>, commit: &str) -> Result<Vec<Mutant>> {
    let mut changed = git(root, &["diff", "--name-only", "--relative", "-z", commit, "--"])
        .with_context(|| format!("`--since {commit}` must name a commit, such as HEAD or main"))?;
    changed.extend(git(root, &["ls-files", "--others", "--exclude-standard", "-z"])?);
    let mut chosen = Vec::new();
    for mutant in all {
        if concerns(root, &mutant, &changed)? {
            chosen.push(mutant);
        }
    }
    Ok(chosen)
}

fn concerns(root: &Path, mutant: &Mutant, changed: &BTreeSet<PathBuf>) -> Result<bool> {
    let edited = mutant.edits.iter().any(|edit| changed.contains(Path::new(&edit.file)));
    if edited || changed.contains(Path::new(&mutant.path())) {
        return Ok(true);
    }
    let tests = tests_of(root, &mutant.test).with_context(|| mutant.path())?;
    let meant = |name: &str| mutant.test.filters.iter().any(|filter| name.contains(filter.as_str()));
    let mut files = tests.iter().filter(|test| meant(&test.name)).map(|test| &test.file);
    Ok(files.any(|file| file.strip_prefix(root).is_ok_and(|file| changed.contains(file))))
}

fn git(root: &Path, arguments: &[&str]) -> Result<BTreeSet<PathBuf>> {
    let output = Command::new("git").current_dir(root).args(arguments).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// Puts mutants of the same test binary together, and among them those of the same crate: the next
/// one then builds only that crate and that binary again.
pub fn order(mutants: &mut [Mutant]) {
    mutants.sort_by_cached_key(|mutant| {
        let file = mutant.edits.first().map(|edit| edit.file.clone()).unwrap_or_default();
        let package = file.split_once("/src/").map_or(file.clone(), |(package, _)| package.to_owned());
        (mutant.test.binary.clone(), package, mutant.name.clone())
    });
}

#[cfg(test)]
mod tests {
    use super::super::Edit;
    use super::*;

    fn mutant(name: &str, test: &str, file: &str) -> Result<Mutant> {
        let edit = Edit { file: file.to_owned(), find: "a".to_owned(), replace: "b".to_owned() };
        Ok(Mutant {
            name: name.to_owned(),
            why: "it leaks".to_owned(),
            test: test.parse()?,
            edits: vec![edit],
        })
    }

    fn names(mutants: &[Mutant]) -> Vec<&str> {
        mutants.iter().map(|mutant| mutant.name.as_str()).collect()
    }

    #[test]
    fn mutants_of_one_binary_and_one_crate_run_together() -> Result<()> {
        let api = "-p app-tests --test api -- limits::";
        let mut mutants = vec![
            mutant("a", api, "functions/users-me/src/lib.rs")?,
            mutant("b", "-p app-core --lib -- redact::", "core/src/redact.rs")?,
            mutant("c", api, "core/src/app/mod.rs")?,
            mutant("d", api, "functions/users-me/src/lib.rs")?,
            mutant("e", api, "core/src/config/mod.rs")?,
        ];
        order(&mut mutants);
        assert_eq!(names(&mutants), ["b", "c", "e", "a", "d"]);
        assert_eq!(names(&named(mutants.clone(), &["d".to_owned(), "b".to_owned()])?), ["b", "d"]);
        assert_eq!(named(mutants.clone(), &[])?.len(), 5);
        let refused = named(mutants, &["gone".to_owned()]).expect_err("must be refused").to_string();
        assert!(
            refused.contains("tests/mutants/gone.toml") && refused.contains("b, c, e, a, d"),
            "{refused}"
        );
        Ok(())
    }

    #[test]
    fn a_change_concerns_mutants_by_their_own_file_their_edits_and_their_tests() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the project")?;
        let leak = mutant("leak", "-p xtask --lib -- mutants::choose::", "core/src/app/mod.rs")?;
        for (file, expected) in [
            ("tests/mutants/leak.toml", true),
            ("core/src/app/mod.rs", true),
            ("xtask/src/mutants/choose.rs", true),
            ("xtask/src/mutants/edit.rs", false),
            ("core/src/app/need.rs", false),
        ] {
            assert_eq!(concerns(root, &leak, &BTreeSet::from([PathBuf::from(file)]))?, expected, "{file}");
        }
        Ok(())
    }
}
