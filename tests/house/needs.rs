//! What a `main.rs` declares as its needs, and what its function.yaml names as variables, is the same.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::routes::stem;
use super::template::document::{events, functions, template};

/// A variable, and the needs that read it: one of them at least is declared where the variable is set.
const READ_BY: [(&str, &[&str]); 10] = [
    ("DB_SECRET_ARN", &["Database"]),
    ("ADMINISTRATOR_SECRET_ARN", &["DatabaseRoles"]),
    ("SECRET_KEY_ARN", &["Tokens"]),
    ("HMAC_KEY_ARN", &["Limits", "Pseudonyms"]),
    ("CHALLENGE_KEYS_ARN", &["Challenges"]),
    ("EVENTS_QUEUE_URL", &["Queues"]),
    ("MAIL_URL_ARN", &["Mail"]),
    ("SMS_COUNTRIES", &["Sms"]),
    ("CACHE_URL_ARN", &["KeyValue"]),
    ("KAFKA_SECRET_ARN", &["Kafka"]),
];

/// Reviewed: an endpoint that is told of the queue and sends nothing. It asks for the queue's state, which
/// must not keep it from starting.
const ASKS_FOR_THE_QUEUE: &str = "debug-health-check";

/// Returns the needs that a `main.rs` declares.
pub(crate) fn needs(main: &str) -> BTreeSet<&str> {
    let code = main.lines().map(|line| line.split("//").next().unwrap_or_default());
    let names = code.flat_map(|line| line.split("Need::").skip(1));
    names.map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()).collect()
}

/// Returns what a function's needs and its variables do not agree about.
fn differences(stem: &str, needs: &BTreeSet<&str>, function: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let variables = &function["Environment"]["Variables"];
    for (variable, readers) in READ_BY {
        let declared: Vec<_> = readers.iter().filter(|need| needs.contains(**need)).collect();
        let is_set = !variables[variable].is_null();
        if !is_set && let [need, ..] = declared[..] {
            faults
                .push(format!("{stem}: main.rs has Need::{need}, and function.yaml does not set {variable}"));
        }
        // `Queues` opens a connection before a caller has to wait for it. Without a route there is no caller.
        let is_optional = variable == "EVENTS_QUEUE_URL"
            && (events(function, "Api").is_empty() || stem == ASKS_FOR_THE_QUEUE);
        if is_set && declared.is_empty() && !is_optional {
            let need = readers.join(" or Need::");
            faults.push(format!("{stem}: function.yaml sets {variable}, and main.rs lacks Need::{need}"));
        }
    }
    let known = |need: &&&str| !READ_BY.iter().any(|(_, readers)| readers.contains(*need));
    faults.extend(
        needs.iter().filter(known).map(|need| format!("{stem}: no variable is known for Need::{need}")),
    );
    faults
}

pub(crate) fn read_main(stem: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    fs::read_to_string(root.join(stem).join("src/main.rs")).expect("a main.rs")
}

#[test]
fn what_a_function_needs_is_what_its_variables_name() {
    let template = template();
    let mut faults = Vec::new();
    let mut found = BTreeSet::new();
    for (id, function) in functions(&template) {
        let (stem, main) = (stem(id), read_main(&stem(id)));
        let needs = needs(&main);
        found.extend(needs.iter().map(|need| (*need).to_owned()));
        faults.extend(differences(&stem, &needs, function));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Somebody declares each: otherwise this would read no `main.rs` rightly.
    let known: BTreeSet<_> =
        READ_BY.iter().flat_map(|(_, readers)| readers.iter().map(|n| (*n).to_owned())).collect();
    assert_eq!(found, known);
}

#[test]
fn a_need_without_its_variable_and_a_variable_without_its_need_are_named() {
    let template = template();
    let function = &template["Resources"]["UsersMeFunction"]["Properties"];
    let check = |main: &str| differences("users-me", &needs(main), function);
    assert_eq!(check("App::from_env(&[Need::Database, Need::Tokens])"), [""; 0]);
    assert_eq!(
        check("&[Need::Database, // Need::Tokens\n Need::Mail]"),
        [
            "users-me: function.yaml sets SECRET_KEY_ARN, and main.rs lacks Need::Tokens",
            "users-me: main.rs has Need::Mail, and function.yaml does not set MAIL_URL_ARN",
        ]
    );
    assert_eq!(
        check("&[Need::Database, Need::Tokens, Need::Luck]"),
        ["users-me: no variable is known for Need::Luck"]
    );
    let sends = &template["Resources"]["AuthSignUpFunction"]["Properties"];
    let faults = differences("auth-sign-up", &needs("Need::Database, Need::Limits, Need::Sms"), sends);
    assert_eq!(faults, ["auth-sign-up: function.yaml sets EVENTS_QUEUE_URL, and main.rs lacks Need::Queues"]);
}
