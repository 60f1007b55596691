//! Every event that the domain declares has a handler, and every task can be run. Both are described.

use std::{collections::BTreeSet, fs, path::Path};

use app_core::{
    application::{handlers, registry::Registry},
    domain::tasks::Failure,
};
use serde_json::Value;

/// The `NAME`s of what a source file declares as `impl <what> for …`.
fn declared(text: &str, what: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for block in text.split(&format!("impl {what} for ")).skip(1) {
        let name =
            block.split_once("const NAME: &'static str = \"").and_then(|(_, rest)| rest.split_once('"'));
        names.insert(name.expect("a NAME right after its impl").0.to_owned());
    }
    names
}

fn declared_in(folder: &str, what: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("snippets.rs") {
                names.extend(declared(&fs::read_to_string(&path).expect("a source file"), what));
            }
        }
    }
    assert!(!names.is_empty(), "no {what} is declared in core/src/{folder}: has it moved?");
    names
}

fn documented(kind: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&catalogue::messages::document()).expect("json");
    document[kind].as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn every_declared_event_has_a_handler_and_a_schema() {
    let declared = declared_in("domain", "Event");
    let table = handlers::table(Registry::new());
    assert_eq!(
        declared,
        table.events().map(str::to_owned).collect(),
        "one of them is not in handlers::table()"
    );
    assert_eq!(declared, documented("events"), "docs/messages.json misses one of them");
}

#[test]
fn every_declared_task_can_be_run_and_has_a_schema() {
    let declared = declared_in("application/tasks", "Task");
    let table = handlers::table(Registry::new());
    assert_eq!(
        declared,
        table.tasks().map(str::to_owned).collect(),
        "one of them is not in handlers::table()"
    );
    assert_eq!(declared, documented("tasks"), "docs/messages.json misses one of them");
}

#[test]
fn a_declaration_is_found() {
    let text = "impl Event for Moved {\n    const NAME: &'static str = \"moved\";\n}\nimpl Event for Gone {\n    const NAME: &'static str = \"gone\";\n}";
    assert_eq!(declared(text, "Event"), BTreeSet::from(["moved".to_owned(), "gone".to_owned()]));
    assert!(declared(text, "Task").is_empty());
}

/// Neither the document of the API nor the page about errors misses a code.
#[test]
fn every_code_of_a_failed_task_is_documented() {
    for page in ["docs/openapi.json", "docs/errors.md"] {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page)).expect(page);
        let codes = Failure::ALL.map(|failure| format!("`{}`", failure.as_str()));
        let missing: Vec<_> = codes.into_iter().filter(|code| !text.contains(code)).collect();
        assert!(missing.is_empty(), "{page}: {missing:?}");
    }
}
