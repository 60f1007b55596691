//! Packages of Python and npm are named by version and by hash, so that nobody can change what is installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use app_core::testing::setting;
use serde_json::Value;
use xtask::{commands::develop::requirements::sources, install::extra::Extra};

/// Written by hand, because `functions/docs/build.rs` reads it. It names one package.
const BY_HAND: &str = "functions/docs/assets/requirements.txt";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The packages of a file: each with its version, its marker and its hashes.
fn packages(text: &str) -> Vec<String> {
    let lines = text.replace("\\\n", " ");
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    lines.map(str::to_owned).collect()
}

/// Returns what is wrong with a locked package.
fn fault(package: &str) -> Option<String> {
    let name = package.split_whitespace().next().unwrap_or_default();
    if !name.split_once("==").is_some_and(|(_, version)| !version.is_empty() && !version.contains('*')) {
        return Some(format!("{name}: not by one version"));
    }
    let mut hashes = package.split_whitespace().filter_map(|word| word.strip_prefix("--hash="));
    let is_hash = |hash: &str| {
        hash.strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    match hashes.next() {
        None => Some(format!("{name}: without a hash")),
        Some(first) if !is_hash(first) || !hashes.all(is_hash) => {
            Some(format!("{name}: a hash is not SHA-256"))
        }
        Some(_) => None,
    }
}

#[test]
fn every_python_package_has_a_version_and_a_hash() {
    let chosen = sources(&root()).expect("the files");
    assert!(chosen.len() >= 7, "only {chosen:?} were found");
    let mut faults = Vec::new();
    for source in &chosen {
        let locked = source.with_extension("txt");
        let text = read(&locked);
        let name = locked.display();
        let found = packages(&text);
        faults.extend(found.iter().filter_map(|package| Some(format!("{name}: {}", fault(package)?))));
        let is_locked = |package: &str| found.iter().any(|locked| locked.to_lowercase().starts_with(package));
        let missing =
            packages(&read(source)).into_iter().filter(|package| !is_locked(&package.to_lowercase()));
        faults.extend(
            missing.map(|package| format!("{name}: lacks {package}; run `cargo xtask requirements`")),
        );
    }
    let by_hand = packages(&read(&root().join(BY_HAND)));
    faults.extend(by_hand.iter().filter_map(|package| Some(format!("{BY_HAND}: {}", fault(package)?))));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Rust sources of a folder, its folders included.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_source_names_a_package_without_a_file_for_it() {
    // In two parts, so that this line is no fault.
    let inline = ["requirements", ": \""].concat();
    let files = ["xtask/src", "tests"].map(|folder| rust_files(&root().join(folder))).concat();
    assert!(files.len() > 100, "only {} files were found", files.len());
    let bad: Vec<_> = files.iter().filter(|file| read(file).contains(&inline)).collect();
    assert!(
        bad.is_empty(),
        "put the packages into xtask/python/NAME.in and run `cargo xtask requirements`: {bad:?}"
    );
}

#[test]
fn a_package_without_version_or_hash_is_found() {
    let hash = "0".repeat(64);
    let faults = |text: &str| packages(text).iter().filter_map(|package| fault(package)).collect::<Vec<_>>();
    let good = format!("# a\n-c other.txt\na==1 \\\n    --hash=sha256:{hash} \\\n    --hash=sha256:{hash}\n");
    assert_eq!(faults(&good), [""; 0]);
    assert_eq!(faults("a==1\n"), ["a==1: without a hash"]);
    assert_eq!(faults(&format!("a>=1 --hash=sha256:{hash}\n")), ["a>=1: not by one version"]);
    assert_eq!(faults(&format!("a==1.* --hash=sha256:{hash}\n")), ["a==1.*: not by one version"]);
    assert_eq!(faults("a==1 --hash=md5:0\n"), ["a==1: a hash is not SHA-256"]);
    let one_bad = format!("a==1 --hash=sha256:{hash} --hash=sha256:0\n");
    assert_eq!(faults(&one_bad), ["a==1: a hash is not SHA-256"]);
}

#[test]
fn pip_installs_nothing_without_a_hash_or_with_another_one() {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let other = format!("mdurl==0.1.2 --hash=sha256:{}", "0".repeat(64));
    for requirements in ["mdurl==0.1.2".to_owned(), other] {
        // A test's own name and text: they live as long as the test.
        let (folder, requirements) = (format!("unhashed-{}", std::process::id()).leak(), requirements.leak());
        let extra = Extra { folder, title: "a package that must be refused", requirements };
        let refused = extra.ready_beside(&python);
        let local = python.ancestors().nth(3).expect(".local");
        let _ = fs::remove_dir_all(local.join(&*folder));
        for left in ["lock", "txt"] {
            let _ = fs::remove_file(local.join(format!("{folder}.{left}")));
        }
        assert!(refused.is_err(), "{requirements} was installed");
    }
}

#[test]
fn every_npm_package_has_an_integrity() {
    for folder in [
        "tests/browser",
        "tests/clients",
        "tests/generated",
        "tests/house/actionlint",
        "tests/validators",
        "xtask/site",
    ] {
        let lock = read(&root().join(folder).join("package-lock.json"));
        let lock: Value = serde_json::from_str(&lock).expect("JSON");
        let packages = lock["packages"].as_object().expect("packages");
        assert!(packages.len() > 1, "{folder}: {packages:?}");
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            let integrity = package["integrity"].as_str().unwrap_or_default();
            assert!(integrity.starts_with("sha512-"), "{folder}: {name} has no SHA-512");
        }
    }
}
