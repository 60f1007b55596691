//! The tests that a mutant names, found in the sources: without a build, so that a check of all
//! mutants takes less than a second.
//!
//! It reads the form that rustfmt writes: a module ends with `}` at its own indentation.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Test;

/// A test function: its name as `cargo test` prints it, and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestName {
    pub name: String,
    pub file: PathBuf,
}

/// Returns all tests of the binary that `test` names.
pub fn tests_of(root: &Path, test: &Test) -> Result<Vec<TestName>> {
    let package = value(&test.binary, "-p").context("`test` must name a package, such as `-p app-tests`")?;
    let packages = packages(root)?;
    let (folder, manifest) = packages.get(package).with_context(|| {
        format!("`test` names the package `{package}`, which does not exist; choose from: {}", {
            packages.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        })
    })?;
    let main = match value(&test.binary, "--test") {
        None => folder.join("src/lib.rs"),
        Some(binary) => {
            let target = manifest.test.iter().find(|target| target.name == binary);
            let path = target.and_then(|target| target.path.clone());
            folder.join(path.unwrap_or_else(|| format!("tests/{binary}.rs")))
        }
    };
    let mut found = Vec::new();
    let children = main.parent().unwrap_or(folder).to_path_buf();
    read(&main, &children, "", &mut found).context("set `test` to a binary that exists")?;
    Ok(found)
}

fn value<'a>(words: &'a [String], option: &str) -> Option<&'a str> {
    words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1].as_str())
}

#[derive(Debug, Deserialize)]
struct Manifest {
    package: Package,
    #[serde(default)]
    test: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    path: Option<String>,
}

/// Returns the packages of the workspace by name. Those with tests lie at most two folders deep.
fn packages(root: &Path) -> Result<BTreeMap<String, (PathBuf, Manifest)>> {
    let mut packages = BTreeMap::new();
    for folder in
        folders(root).into_iter().flat_map(|folder| [vec![folder.clone()], folders(&folder)].concat())
    {
        let path = folder.join("Cargo.toml");
        if !path.is_file() {
            continue;
        }
        let manifest: Manifest = toml::from_str(&fs::read_to_string(&path)?)
            .with_context(|| format!("cannot read {}", path.display()))?;
        packages.insert(manifest.package.name.clone(), (folder, manifest));
    }
    Ok(packages)
}

fn folders(above: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(above).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let hidden = |name: &str| name.starts_with('.') || name == "target" || name == "node_modules";
    folders.filter(|entry| !hidden(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

/// Adds the tests of a module's file. `children` is the folder of the modules that it declares,
/// `path` is its own name, such as `limits::`.
fn read(file: &Path, children: &Path, path: &str, found: &mut Vec<TestName>) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    // The modules that are open, each with the line that ends it.
    let mut open: Vec<(String, String)> = Vec::new();
    let mut is_test = false;
    for line in text.lines() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        if open.last().is_some_and(|(_, end)| line == end) {
            open.pop();
        } else if code == "#[test]" || code.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((name, body)) = module(code) {
            if body {
                open.push((name.to_owned(), format!("{indent}}}")));
                continue;
            }
            let inline: PathBuf = open.iter().map(|(name, _)| name).collect();
            let folder = children.join(inline);
            let below = folder.join(name);
            let flat = folder.join(format!("{name}.rs"));
            let file = if flat.is_file() { flat } else { below.join("mod.rs") };
            // Code that a build script writes has no file here, and no tests.
            if file.is_file() {
                read(&file, &below, &format!("{}{name}::", prefix(path, &open)), found)?;
            }
        } else if let Some(name) = function(code)
            && is_test
        {
            found.push(TestName { name: format!("{}{name}", prefix(path, &open)), file: file.to_path_buf() });
            is_test = false;
        }
    }
    Ok(())
}

fn prefix(path: &str, open: &[(String, String)]) -> String {
    open.iter().fold(path.to_owned(), |path, (name, _)| path + name + "::")
}

/// Returns the name of a declared module, and whether its body follows.
fn module(code: &str) -> Option<(&str, bool)> {
    let (before, rest) = code.split_once("mod ")?;
    if !(before.is_empty() || before.starts_with("pub")) {
        return None;
    }
    match rest.strip_suffix(';') {
        Some(name) => Some((name, false)),
        None => rest.strip_suffix(" {").map(|name| (name, true)),
    }
    .filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// Returns the name of a function that has no parameters, as every test.
fn function(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("async ").unwrap_or(code).strip_prefix("fn ")?;
    rest.split_once("()").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_this_file_are_found() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let test: Test = "-p xtask --lib -- mutants::".parse()?;
        let found = tests_of(&root, &test)?;
        let names: Vec<&str> = found.iter().map(|test| test.name.as_str()).collect();
        for name in ["the_tests_of_this_file_are_found", "a_module_is_declared_or_written_in_place"] {
            let name = format!("mutants::named::tests::{name}");
            assert!(names.contains(&name.as_str()), "{name} is missing in {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("decoy")), "{names:?}");
        Ok(())
    }

    #[test]
    fn a_module_is_declared_or_written_in_place() {
        assert_eq!(module("mod named;"), Some(("named", false)));
        assert_eq!(module("pub(crate) mod tests {"), Some(("tests", true)));
        assert_eq!(module("// the mod is;"), None);
        assert_eq!(module("let model = 1;"), None);
        assert_eq!(function("async fn decoy() {"), Some("decoy"));
        assert_eq!(function("pub fn decoy() {"), None);
        assert_eq!(function("fn decoy(of: u8) {"), None);
    }

    #[test]
    fn a_package_or_binary_that_is_gone_is_named() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (test, name) in [("-p gone -- a", "`gone`"), ("-p xtask --test gone -- a", "gone.rs")] {
            let refused = format!("{:#}", tests_of(&root, &test.parse()?).expect_err("must be refused"));
            assert!(refused.contains(name), "{refused}");
        }
        Ok(())
    }
}
