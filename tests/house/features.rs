//! What is deployed has the features that `cargo xtask bench size` measures.
//!
//! `cargo xtask build` builds all functions in one call, and cargo then gives each dependency the features that any
//! of them needs.

use std::{collections::BTreeSet, process::Command};

use xtask::{bench::GATE, binaries::by_package, checkout::Checkout};

/// Returns each crate that is linked with its features, as cargo chooses them for one build.
fn linked(select: impl FnOnce(&mut Command)) -> BTreeSet<String> {
    let mut cargo = Checkout::find().expect("this checkout").cargo();
    cargo.args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}"]);
    select(&mut cargo);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    // A crate that was listed before ends in a star.
    text.lines().map(|line| line.trim_end_matches(" (*)").trim_end().to_owned()).collect()
}

#[test]
fn a_function_is_the_same_in_a_build_of_all() {
    let functions = Checkout::find().and_then(|checkout| checkout.functions()).expect("the functions");
    let all = linked(|cargo| by_package(cargo, &functions));
    for (name, _) in GATE {
        let one = linked(|cargo| by_package(cargo, &[name]));
        let other: Vec<_> = one.difference(&all).collect();
        assert!(other.is_empty(), "{name} has other features in a build of all functions: {other:?}");
    }
    // The test sees what a build of the whole workspace would add.
    let workspace = linked(|cargo| {
        cargo.arg("--workspace");
    });
    assert!(all.difference(&workspace).any(|line| line.starts_with("tokio v")), "no difference is seen");
}
