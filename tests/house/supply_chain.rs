//! What may be linked (deny.toml), and the list of what is (`cargo xtask sbom`).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use app_core::testing::setting;
use serde_json::{Value, json};
use xtask::{checkout::Checkout, commands::develop::sbom::TARGET, python::Python, sbom};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(super) fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Returns the path of a program that `cargo xtask` installs next to Python.
fn tool(name: &str) -> PathBuf {
    Path::new(&setting("TEST_PYTHON")).with_file_name(name)
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What deny.toml says of a workspace that cargo describes like this: its faults by their names.
fn faults(metadata: &str, folder: &Folder) -> BTreeSet<String> {
    let path = folder.0.join("metadata.json");
    fs::write(&path, metadata).expect("a file");
    let Output { status, stderr, .. } = Command::new(tool("cargo-deny"))
        .args(["--format", "json", "--metadata-path"])
        .arg(&path)
        .args(["check", "--deny", "warnings", "licenses", "bans", "sources"])
        .current_dir(root())
        .output()
        .expect("cargo-deny runs: `cargo xtask` installs it");
    let text = String::from_utf8_lossy(&stderr);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let severe = lines.filter(|line| line["fields"]["severity"] == "error");
    let found: BTreeSet<String> =
        severe.filter_map(|line| Some(line["fields"]["code"].as_str()?.to_owned())).collect();
    assert_eq!(status.success(), found.is_empty(), "{text}");
    found
}

#[test]
fn what_is_linked_is_allowed_and_what_deny_toml_does_not_allow_is_refused() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked"]);
    let folder = Folder::new("deny");
    assert_eq!(faults(&metadata, &folder), BTreeSet::new());

    // One of the smallest, which ring needs: with something else in the place of what it says of itself.
    let parsed: Value = serde_json::from_str(&metadata).expect("json");
    let packages = parsed["packages"].as_array().expect("packages");
    let place = packages.iter().position(|package| package["name"] == "untrusted").expect("ring needs it");
    for (key, value, fault) in [
        ("license", json!("GPL-3.0-only"), "rejected"),
        ("license", json!("MIT AND AGPL-3.0-only"), "rejected"),
        ("license", Value::Null, "no-license-field"),
        ("source", json!("registry+https://registry.example/index"), "source-not-allowed"),
        ("source", json!("git+https://git.example/untrusted#0123456789abcdef"), "source-not-allowed"),
    ] {
        let mut other = parsed.clone();
        other["packages"][place][key] = value.clone();
        let found = faults(&other.to_string(), &folder);
        assert!(found.contains(fault), "{key} = {value} is not {fault}: {found:?}");
    }
    for (name, fault) in [
        ("openssl-sys", "banned"),
        ("native-tls", "banned"),
        ("aws-lc-sys", "banned"),
        // In a second version.
        ("rustls", "duplicate"),
        ("ring", "duplicate"),
    ] {
        let renamed = metadata
            .replace("\"name\":\"untrusted\"", &format!("\"name\":\"{name}\""))
            .replace("#untrusted@", &format!("#{name}@"));
        let found = faults(&renamed, &folder);
        assert!(found.contains(fault), "{name} is not {fault}: {found:?}");
    }
}

/// `name version` of all that cargo builds for this function, by its own plain list.
fn listed(function: &str, edges: &str) -> BTreeSet<(String, String)> {
    let tree = ["tree", "--locked", "-p", function, "-e", edges, "--target", TARGET, "--prefix", "none"];
    let text = cargo(&tree);
    let words = text.lines().filter(|line| !line.is_empty()).map(|line| line.split(' ').collect::<Vec<_>>());
    words.map(|words| (words[0].to_owned(), words[1].trim_start_matches('v').to_owned())).collect()
}

/// Asks the validator of the format about a document. It knows the schema, and no rule of this project.
fn is_valid(document: &str, folder: &Folder) -> bool {
    let program = "import sys; from cyclonedx.schema import SchemaVersion; \
                   from cyclonedx.validation.json import JsonStrictValidator; \
                   fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()); \
                   sys.exit(0 if fault is None else 3)";
    let path = folder.0.join("document.json");
    fs::write(&path, document).expect("a file");
    let mut python = Command::new(setting("TEST_PYTHON"));
    let status = python.args(["-c", program]).arg(&path).status().expect("Python runs");
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");
    status.success()
}

#[test]
fn a_bill_of_materials_lists_what_is_linked_and_nothing_else() {
    let folder = Folder::new("sbom");
    let functions = ["users-me", "tasks-worker"].map(str::to_owned);
    let checkout = Checkout::find().expect("this checkout");
    let python = Python::installed(tool("..").canonicalize().expect("the tools"), &checkout);
    sbom::write(&checkout, &python, &functions, TARGET, &folder.0).expect("documents");
    for function in functions {
        let text = fs::read_to_string(folder.0.join(format!("{function}.cdx.json"))).expect("a document");
        let document: Value = serde_json::from_str(&text).expect("json");
        assert_eq!(document["metadata"]["component"]["name"], *function);
        assert_eq!(document["metadata"]["component"]["type"], "application");

        let components = document["components"].as_array().expect("components");
        let of = |scope: &str| -> BTreeSet<(String, String)> {
            let some = components.iter().filter(|component| component["scope"] == scope);
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            some.map(|component| (text(&component["name"]), text(&component["version"]))).collect()
        };
        let (linked, building) = (of("required"), of("excluded"));
        let without_itself = |mut names: BTreeSet<(String, String)>| {
            names.retain(|(name, _)| *name != function);
            names
        };
        assert_eq!(linked, without_itself(listed(&function, "normal,no-proc-macro")));
        let all: BTreeSet<_> = linked.union(&building).cloned().collect();
        assert_eq!(all, without_itself(listed(&function, "normal,build")));
        let is_in = |name: &str| all.iter().any(|(known, _)| known == name);
        assert!(is_in("tokio-postgres") && is_in("ring") && is_in("app-core"));
        assert!(building.iter().any(|(name, _)| name == "serde_derive"));
        for tool in ["app-tests", "catalogue", "xtask", "clap", "ureq", "nix", "serde_yaml_ng"] {
            assert!(!is_in(tool), "{tool} is no part of {function}");
        }

        let ours: BTreeSet<_> = fs::read_dir(root().join("functions"))
            .expect("functions")
            .flatten()
            .collect::<Vec<_>>()
            .iter()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .chain(["app-core".to_owned()])
            .collect();
        for component in components {
            let name = component["name"].as_str().expect("a name");
            let version = component["version"].as_str().expect("a version");
            if ours.contains(name) {
                // Nobody else's package of that name is meant.
                assert_eq!(component.get("purl"), None, "{name}");
                continue;
            }
            assert_eq!(component["purl"], format!("pkg:cargo/{name}@{version}"));
            let license = &component["licenses"][0];
            assert!(license["expression"].is_string() || license["license"]["id"].is_string(), "{component}");
            assert_eq!(component["hashes"][0]["content"].as_str().map(str::len), Some(64), "{component}");
        }
        // Everybody is needed by somebody.
        let edges = document["dependencies"].as_array().expect("dependencies").iter();
        let needed: BTreeSet<&str> = edges
            .flat_map(|edge| edge["dependsOn"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(needed.len(), components.len());
        assert!(
            !text.contains(&*root().canonicalize().expect("a path").to_string_lossy()),
            "no path of this machine"
        );

        assert!(is_valid(&text, &folder));
        for (was, is) in [
            ("\"scope\": \"required\"", "\"scope\": \"linked\""),
            ("\"specVersion\": \"1.6\"", "\"specVersion\": 16"),
            ("\"alg\": \"SHA-256\"", "\"alg\": \"SHA-257\""),
            ("\"type\": \"application\"", "\"kind\": \"application\""),
        ] {
            assert!(text.contains(was), "{was}");
            assert!(!is_valid(&text.replacen(was, is, 1), &folder), "{is}");
        }
    }
}
