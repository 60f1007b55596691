//! The bill of materials of a function: what cargo links into it, and what takes part in its build.
//!
//! Which packages these are says `cargo tree`, with the features of the build itself. What
//! `cargo metadata` resolves is a little more: optional packages that no build turns on. The document
//! is CycloneDX; `python/sbom.py` writes it and checks it against the format's own schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::json;

use crate::checkout::Checkout;
use crate::python::Python;

/// One package of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Package {
    name: String,
    version: String,
    /// Of the registry's archive, in hexadecimal. None for a package of this workspace.
    sha256: Option<String>,
    license: Option<String>,
    repository: Option<String>,
    /// In the binary, or only in its build: a macro, a build script.
    linked: bool,
}

/// Packages and who needs whom, by `name@version`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tree {
    root: String,
    packages: BTreeMap<String, Package>,
    edges: BTreeSet<(String, String)>,
}

/// The whole hash, and `-dirty` behind it if the work tree has something else.
const COMMIT: [&str; 6] = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"];

/// Writes one document for each of these functions into `folder`, as `users-me.cdx.json`.
pub fn write(
    checkout: &Checkout,
    python: &Python,
    functions: &[String],
    target: &str,
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let lock = fs::read_to_string(checkout.root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let checksums = checksums(&lock);
    let about = json!({
        "target": target,
        "rustc": said(Command::new("rustc").arg("--version")),
        "commit": said(Command::new("git").args(COMMIT).current_dir(checkout.root())),
    });
    let bills = functions.iter().map(|function| {
        let tree = tree(checkout, function, target, &checksums)?;
        let packages: Vec<_> = tree.packages.values().collect();
        Ok(json!({ "root": tree.root, "packages": packages, "edges": tree.edges, "about": about }))
    });
    let request = json!({ "bills": bills.collect::<Result<Vec<_>>>()? });
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = checkout.state_dir("sbom")?.join("python.log");
    let documents = python.run("sbom.py", &request, &log)?;
    let documents = documents.as_array().context("sbom.py returned no documents")?;
    let written = functions.iter().zip(documents).map(|(function, document)| {
        let path = folder.join(format!("{function}.cdx.json"));
        let text = serde_json::to_string_pretty(document)?;
        fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    });
    written.collect()
}

/// What a program answers, if there is such a program.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn tree(
    checkout: &Checkout,
    function: &str,
    target: &str,
    checksums: &BTreeMap<String, String>,
) -> Result<Tree> {
    let linked = parse(&cargo_tree(checkout, function, target, "normal,no-proc-macro")?, checksums)?;
    let mut all = parse(&cargo_tree(checkout, function, target, "normal,build")?, checksums)?;
    for (id, package) in &mut all.packages {
        package.linked = linked.packages.contains_key(id);
    }
    Ok(all)
}

fn cargo_tree(checkout: &Checkout, function: &str, target: &str, edges: &str) -> Result<String> {
    let output = checkout
        .cargo()
        .args(["tree", "--locked", "--package", function, "--target", target, "--edges", edges])
        .args(["--prefix", "depth", "--format", "\t{p}\t{l}\t{r}\t"])
        .output()
        .context("cannot run cargo; install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!(
            "cargo cannot list the dependencies of {function}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads lines of depth, package, licence and repository. What stands below a package is told once;
/// further times it ends in `(*)`.
fn parse(text: &str, checksums: &BTreeMap<String, String>) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut above: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [depth, package, license, repository, _] = fields[..] else {
            bail!("cargo tree printed an unexpected line: {line}");
        };
        let depth: usize =
            depth.parse().with_context(|| format!("cargo tree printed a line without a depth: {line}"))?;
        // `serde v1.0.0`, and behind it a folder of this workspace, or what kind it is.
        let mut words = package.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next().and_then(|v| v.strip_prefix('v')))
        else {
            bail!("cargo tree printed a line without a package: {line}");
        };
        let id = format!("{name}@{version}");
        above.truncate(depth);
        match above.last() {
            Some(parent) => _ = tree.edges.insert((parent.clone(), id.clone())),
            None => tree.root.clone_from(&id),
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        tree.packages.entry(id.clone()).or_insert_with(|| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: checksums.get(&id).cloned(),
            license: some(license),
            repository: some(repository),
            linked: true,
        });
        above.push(id);
    }
    Ok(tree)
}

/// The checksums of a lock file, by `name@version`.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let value = |entry: &str, key: &str| {
        entry.lines().find_map(|line| {
            line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"').map(str::to_owned)
        })
    };
    let entries = lock.split("[[package]]").filter_map(|entry| {
        let id = format!("{}@{}", value(entry, "name")?, value(entry, "version")?);
        Some((id, value(entry, "checksum")?))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_packages_and_who_needs_whom() -> Result<()> {
        let text = "0\tfirst v0.1.0 (/somewhere/first)\t\t\t\n1\ta v1.0.0\tMIT\thttps://a.example\t\n\
                    2\tb v2.0.0 (proc-macro)\tMIT/Apache-2.0\t\t\n1\tb v2.0.0 (proc-macro)\tMIT/Apache-2.0\t\t (*)\n";
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"abc\"\n\
                    dependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"first\"\nversion = \"0.1.0\"\n";
        let tree = parse(text, &checksums(lock))?;
        assert_eq!(tree.root, "first@0.1.0");
        assert_eq!(tree.packages.keys().collect::<Vec<_>>(), ["a@1.0.0", "b@2.0.0", "first@0.1.0"]);
        let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let edges =
            [edge("a@1.0.0", "b@2.0.0"), edge("first@0.1.0", "a@1.0.0"), edge("first@0.1.0", "b@2.0.0")];
        assert_eq!(tree.edges, BTreeSet::from(edges));
        assert_eq!(tree.packages["a@1.0.0"].sha256.as_deref(), Some("abc"));
        assert_eq!(tree.packages["first@0.1.0"].license, None);
        assert!(!format!("{tree:?}").contains("somewhere"), "where it was built is nobody's business");
        assert!(parse("what\n", &BTreeMap::new()).is_err());
        Ok(())
    }
}
