//! docs/openapi.json, judged by two validators that know nothing of each other.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use app_core::testing::setting;
use serde_json::{Map, Value};
use xtask::{checkout::Checkout, install::clients::Clients, install::extra::Extra};

/// Judges by the JSON Schema of OpenAPI 3.1.
const SPEC_VALIDATOR: Extra = Extra {
    folder: "openapi-spec-validator",
    title: "openapi-spec-validator",
    requirements: include_str!("../validators/requirements.txt"),
};

/// Findings of Redocly's rules that we accept, each with the reason.
const ACCEPTED: &[(&str, &str)] = &[
    ("no-path-trailing-slash", "each path ends in a slash, as the prototype's clients know it"),
    ("info-license", "the product grants no licence"),
];

fn checkout() -> Checkout {
    Checkout::find().expect("the checkout")
}

fn document() -> PathBuf {
    checkout().root().join("docs/openapi.json")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

fn by_the_schema(document: &Path) -> Output {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let packages = SPEC_VALIDATOR.ready_beside(&python).expect("openapi-spec-validator");
    let mut validator = Command::new(python);
    validator.args(["-m", "openapi_spec_validator"]).arg(document).env("PYTHONPATH", packages);
    validator.output().expect("Python runs")
}

/// Returns the rules that Redocly finds broken, each with the first place.
fn by_redocly(document: &Path) -> Vec<(String, String)> {
    let redocly = Clients::ready(&checkout(), "validators", &[]).expect("Redocly's validator");
    let mut redocly = redocly.command("node_modules/@redocly/cli/bin/cli.js");
    redocly.args(["lint", "--format", "json", "--max-problems", "1000"]).arg(document);
    // It would tell its makers about this run, and ask them for a newer version.
    redocly.envs([("REDOCLY_TELEMETRY", "off"), ("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")]);
    let output = redocly.output().expect("Node.js runs");
    let result: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let found = result["problems"].as_array().expect("a list").iter().map(|problem| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&problem["ruleId"]), format!("{} at {}", problem["message"], problem["location"][0]["pointer"]))
    });
    found.collect()
}

#[test]
fn the_document_is_what_the_schema_of_openapi_demands() {
    let output = by_the_schema(&document());
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn redocly_finds_what_is_accepted_and_nothing_else() {
    let found = by_redocly(&document());
    let accepted: BTreeSet<&str> = ACCEPTED.iter().map(|(rule, _)| *rule).collect();
    let new: Vec<_> = found.iter().filter(|(rule, _)| !accepted.contains(rule.as_str())).collect();
    assert!(new.is_empty(), "mend them, or accept them with a reason: {new:#?}");
    let stale: Vec<_> =
        accepted.iter().filter(|rule| !found.iter().any(|(found, _)| found == *rule)).collect();
    assert!(stale.is_empty(), "no longer found, so no longer to be accepted: {stale:?}");
}

/// A validator that accepts everything would be none.
#[test]
fn both_refuse_a_body_without_a_schema() {
    let text = std::fs::read_to_string(document()).expect("docs/openapi.json");
    let mut broken: Value = serde_json::from_str(&text).expect("JSON");
    broken["paths"]["/api/v1/users/me/"]["get"]["requestBody"]["content"]["application/json"]["schema"] =
        Value::Null;
    let path = checkout().state_dir("validators-control").expect("a folder").join("broken.json");
    std::fs::write(&path, broken.to_string()).expect("a file");
    assert!(!by_the_schema(&path).status.success());
    let found = by_redocly(&path);
    assert!(found.iter().any(|(rule, _)| rule == "struct"), "{found:#?}");
}

/// Every object in a part of the document.
fn objects(value: &Value) -> Vec<&Map<String, Value>> {
    match value {
        Value::Object(object) => std::iter::once(object).chain(object.values().flat_map(objects)).collect(),
        Value::Array(items) => items.iter().flat_map(objects).collect(),
        _ => Vec::new(),
    }
}

fn parsed() -> Value {
    serde_json::from_str(&catalogue::openapi::document()).expect("JSON")
}

#[test]
fn generators_find_a_name_for_each_thing_and_a_type_for_each_value() {
    let document = parsed();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        let parts = schema.as_object().expect("a schema").values();
        for part in parts.flat_map(objects) {
            let twin = schemas.iter().find(|(_, named)| named.as_object() == Some(part));
            assert!(twin.is_none_or(|(_, twin)| twin.get("properties").is_none()), "{name} copies {twin:?}");
            let is_object = part.get("type").is_some_and(|kind| kind.to_string().contains("\"object\""));
            let says = part.contains_key("properties") || part.contains_key("additionalProperties");
            assert!(!is_object || says, "{name} has an object of which nothing is said: {part:?}");
        }
    }
    let parameters: Vec<&Value> = objects(&document["paths"])
        .iter()
        .filter_map(|part| part.get("parameters")?.as_array())
        .flatten()
        .collect();
    assert!(parameters.len() > 90, "{}", parameters.len());
    for parameter in parameters {
        let schema = &parameter["schema"];
        assert!(schema.get("type").or(schema.get("anyOf")).is_some(), "{parameter}");
        let is_list = schema["type"] == "array";
        assert_eq!(is_list, parameter["explode"] == false, "a list is comma-separated: {parameter}");
    }
    assert_eq!(document["servers"][0]["url"], "/");
}
