//! Four lists must agree: functions/, template.yaml, the OpenAPI document, events/.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::template::document::{functions, routes, template};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn names(folder: &str, pick: impl Fn(&str) -> Option<String>) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    entries.filter_map(|entry| pick(entry.expect("an entry").file_name().to_str()?)).collect()
}

fn folders() -> BTreeSet<String> {
    names("functions", |name| Some(name.to_owned()))
}

/// `UsersMeFunction` is `users-me`.
pub(crate) fn stem(logical_id: &str) -> String {
    let name = logical_id.strip_suffix("Function").unwrap_or(logical_id);
    let mut stem = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !stem.is_empty() {
            stem.push('-');
        }
        stem.extend(c.to_lowercase());
    }
    stem
}

/// What is in one list and not in the other, in words.
pub(crate) fn differences(left: (&str, &BTreeSet<String>), right: (&str, &BTreeSet<String>)) -> Vec<String> {
    let missing = |a: (&str, &BTreeSet<String>), b: (&str, &BTreeSet<String>)| {
        a.1.difference(b.1).map(|name| format!("{name} is in {} and not in {}", a.0, b.0)).collect::<Vec<_>>()
    };
    [missing(left, right), missing(right, left)].concat()
}

#[test]
fn every_function_has_a_resource_and_every_resource_a_function() {
    let template = template();
    let resources = functions(&template).into_iter().map(|(id, _)| stem(id)).collect();
    let found = differences(("functions/", &folders()), ("template.yaml", &resources));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_function_has_a_sample_event() {
    let samples = names("events", |file| file.strip_suffix(".json").map(str::to_owned));
    let missing: Vec<_> = folders().into_iter().filter(|name| !samples.contains(name)).collect();
    assert!(missing.is_empty(), "no events/<name>.json for {missing:?}");
    let functions = folders();
    // `http.` stands for every HTTP function.
    let odd = samples.iter().filter(|s| {
        let owner = s.split('.').next().unwrap_or_default();
        owner != "http" && !functions.contains(owner)
    });
    assert_eq!(odd.count(), 0, "a sample event belongs to no function");
}

/// Serves the document, and is no part of what that describes.
pub(crate) const UNDOCUMENTED: &str = "docs";

#[test]
fn every_route_of_the_template_is_documented_and_no_other() {
    let template = template();
    let routes: BTreeSet<String> = functions(&template)
        .into_iter()
        .filter(|(id, _)| stem(id) != UNDOCUMENTED)
        .flat_map(|(_, function)| routes(function))
        .map(|event| {
            (
                event["Method"].as_str().unwrap_or_default().to_uppercase(),
                event["Path"].as_str().unwrap_or_default(),
            )
        })
        // HEAD is GET without a body, and a preflight is for browsers.
        .filter(|(method, _)| method != "OPTIONS" && method != "HEAD")
        .map(|(method, path)| format!("{method} {path}/"))
        .collect();
    assert!(!routes.is_empty());
    let document: Value = serde_json::from_str(&catalogue::openapi::document()).expect("json");
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().expect("methods").keys().map(move |m| format!("{} {path}", m.to_uppercase()))
        })
        .collect();
    let found = differences(("template.yaml", &routes), ("the OpenAPI document", &documented));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_main_is_at_most_seven_lines_and_package_and_folder_share_their_name() {
    for name in folders() {
        let read = |file: &str| {
            fs::read_to_string(root().join("functions").join(&name).join(file)).expect("a file of a function")
        };
        let lines = read("src/main.rs").lines().count();
        assert!(
            lines <= 7,
            "functions/{name}/src/main.rs has {lines} lines; what it does belongs into lib.rs or the core"
        );
        assert!(
            read("Cargo.toml").contains(&format!("name = \"{name}\"")),
            "functions/{name} is another package"
        );
    }
}

#[test]
fn a_difference_is_named_from_both_sides() {
    let (a, b) =
        (BTreeSet::from(["x".to_owned(), "y".to_owned()]), BTreeSet::from(["y".to_owned(), "z".to_owned()]));
    assert_eq!(
        differences(("left", &a), ("right", &b)),
        ["x is in left and not in right", "z is in right and not in left"]
    );
    assert_eq!(stem("UsersMeFunction"), "users-me");
}
