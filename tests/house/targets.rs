//! What cargo compiles: no test program without a test, no test that is not compiled, dependencies once for the
//! tests and the local stack, and nothing of the tests for a deployment.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use xtask::{binaries::cargo_build, checkout::Checkout};

use super::{layers, supply_chain::cargo};

/// The tests that a target holds.
#[derive(Debug, Default, PartialEq)]
struct Tests {
    unit: bool,
    doc: bool,
}

impl Tests {
    /// Reads a target's sources, by the attributes `#[test]` and `#[tokio::test…]` and by the code in comments.
    fn of(text: &str) -> Self {
        let mut found = Self::default();
        let mut in_code = false;
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("#[test") || (line.starts_with("#[") && line.contains("::test")) {
                found.unit = true;
            }
            let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            if let Some(language) = comment.and_then(|comment| comment.trim_start().strip_prefix("```")) {
                let compiled = !language.contains("ignore") && !language.contains("text");
                found.doc |= compiled && !in_code;
                in_code = !in_code;
            }
        }
        found
    }
}

/// Returns what is wrong with a library or a program of a package.
fn fault(package: &str, target: &Value, tests: &Tests) -> Option<String> {
    let name = target["name"].as_str().expect("a name");
    let kind = target["kind"][0].as_str().expect("a kind");
    let says = |key: &str| target[key].as_bool().expect("a setting");
    // Cargo has no documentation tests for programs.
    let doc = kind == "lib" && tests.doc;
    let unlike = [("test", tests.unit), ("doctest", doc)].into_iter().find(|(key, has)| says(key) != *has);
    let (key, has) = unlike?;
    let remedy = if has { "its tests never run; remove" } else { "it has no such test; add" };
    Some(format!("{package}: the {kind} `{name}`: {remedy} `{key} = false` in Cargo.toml"))
}

#[test]
fn a_program_of_tests_is_built_exactly_where_there_are_tests() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("json");
    let (mut faults, mut read) = (Vec::new(), 0);
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        let targets = package["targets"].as_array().expect("targets");
        let main = |target: &Value| Path::new(target["src_path"].as_str().expect("a path")).to_owned();
        let kinds = ["lib", "bin"];
        let targets = targets.iter().filter(|target| kinds.iter().any(|kind| target["kind"][0] == *kind));
        for target in targets.clone() {
            // The files of a library are all in its folder, except the programs.
            let programs: Vec<_> = targets.clone().filter(|other| other != &target).map(main).collect();
            let files = match target["kind"][0] == "lib" {
                true => layers::files(main(target).parent().expect("a folder")),
                false => vec![main(target)],
            };
            let texts = files.iter().filter(|file| !programs.contains(file));
            let text: String = texts.map(|file| fs::read_to_string(file).expect("a source")).collect();
            faults.extend(fault(name, target, &Tests::of(&text)));
            read += 1;
        }
    }
    assert!(read > 60, "only {read} libraries and programs: has the workspace changed?");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn tests_are_found_in_sources() {
    let of = |text| Tests::of(text);
    assert_eq!(of("fn a() {}\n/// See `#[test]`.\n"), Tests::default());
    assert_eq!(of("    #[test]\n"), Tests { unit: true, doc: false });
    assert_eq!(of("    #[tokio::test(start_paused = true)]\n"), Tests { unit: true, doc: false });
    assert_eq!(of("/// ```ignore\n/// a()\n/// ```\n"), Tests::default());
    assert_eq!(of("//! ```no_run\n//! a()\n//! ```\n"), Tests { unit: false, doc: true });
    assert_eq!(of("/// ```\n/// a()\n/// ```\n"), Tests { unit: false, doc: true });
}

/// Returns the crates of a selection, each with its version and features: `tokio v1.54.1 [net,rt]`.
fn compiled(selection: &[&str], edges: &str) -> BTreeSet<String> {
    let tree = ["tree", "--locked", "--prefix", "none", "--format", "{p} [{f}]", "--edges", edges];
    let text = cargo(&[&tree, selection].concat());
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// A crate that is compiled with other features is compiled again, and so is all that uses it.
#[test]
fn the_tests_and_the_local_stack_share_their_dependencies() {
    let checkout = Checkout::find().expect("this checkout");
    let functions = checkout.functions().expect("the functions");
    let programs = functions.iter().map(|name| (name.as_str(), name.as_str()));
    let build = cargo_build(&checkout, programs.chain([("catalogue", "documents")]));
    let arguments: Vec<_> = build.get_args().filter_map(|argument| argument.to_str()).collect();
    // `cargo tree` takes the same selection, but no programs and no command.
    let mut stack = Vec::new();
    let mut words = arguments.into_iter().filter(|word| *word != "build");
    while let Some(word) = words.next() {
        if word == "--bin" {
            words.next();
        } else {
            stack.push(word);
        }
    }
    let tests = compiled(&["--workspace"], "normal,build,dev");
    for (name, selection, edges) in [
        ("a local stack", &stack[..], "normal,build"),
        ("the package of the tests", &["-p", "app-tests"], "normal,build,dev"),
    ] {
        let found = compiled(selection, edges);
        assert!(found.len() > 200, "{name}: only {} crates", found.len());
        // Our own crates name their folder.
        let others: Vec<_> = found.difference(&tests).filter(|name| !name.contains(" (/")).collect();
        assert!(
            others.is_empty(),
            "{name} compiles these with other features than all tests together: {others:?}. Add the missing \
             features in xtask/Cargo.toml (`as-tested`) or tests/support/Cargo.toml"
        );
    }
}

#[test]
fn nothing_of_the_tests_is_deployed() {
    let deployed = compiled(&[], "normal,build");
    let core = deployed.iter().find(|name| name.starts_with("app-core ")).expect("the core");
    assert!(core.ends_with(" []"), "a deployed function has test helpers: {core}");
    for package in ["users-me", "auth-tokens", "events-consumer"] {
        let alone = compiled(&["-p", package], "normal,build");
        let others: Vec<_> = alone.difference(&deployed).collect();
        assert!(others.is_empty(), "{package} has other features than its weighed program: {others:?}");
    }
}
