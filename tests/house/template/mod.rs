//! template.yaml keeps the rules that decide in production and that no linter checks.
//!
//! Every rule is shown twice: the template keeps it, and a template that breaks it is refused by name.

mod alarms;
mod api;
mod budget;
pub(crate) mod checks;
mod concurrency;
mod dashboard;
pub(crate) mod document;
mod edge;
pub(crate) mod gateway;
mod generated;
mod hashing;
mod limits;
mod limits_used;
mod logins;
pub(crate) mod managed;
mod names;
mod pages;
mod permissions;
mod queues;
mod releases;
mod rights;
pub(crate) mod roles;
pub(crate) mod rules;
mod schedules;
mod statements;
mod texts;
mod thresholds;
mod traces;
mod values;
mod variables;

use serde_json::{Value, json};

use checks::Faults;
use document::{environments, template};

#[track_caller]
fn holds(faults: &Faults) {
    assert!(faults.is_empty(), "template.yaml:\n  {}", faults.join("\n  "));
}

/// Breaks the real template in one place and expects the check to say where and what.
#[track_caller]
fn refused(check: fn(&Value) -> Faults, pointer: &str, value: Value, expected: &str) {
    let mut broken = template();
    *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("template.yaml has nothing at {pointer}")) = value;
    assert_ne!(broken, template(), "{pointer} already had this value");
    assert_eq!(check(&broken), [expected]);
}

const USERS_ME: &str = "/Resources/UsersMeFunction/Properties";

#[test]
fn a_function_and_its_binary_share_one_stem() {
    let check = checks::one_stem_names_binary_and_function;
    holds(&check(&template()));
    let mut broken = template();
    broken["Resources"]["UsersMeFunction"]["Metadata"]["BuildProperties"]["Binary"] = json!("auth-tokens");
    assert!(check(&broken).contains(&r#"UsersMeFunction: builds the binary "auth-tokens""#.to_owned()));
    let name = format!("{USERS_ME}/FunctionName");
    refused(check, &name, json!("me"), "UsersMeFunction: FunctionName is not the stack's name and the stem");
}

#[test]
fn the_example_schedule_is_off_in_prod() {
    let template = template();
    let state = &template["Resources"]["SayMeowSchedule"]["Properties"]["State"];
    assert_eq!(*state, json!({ "Fn::If": ["HasExampleSchedule", "ENABLED", "DISABLED"] }));
    assert_eq!(template["Parameters"]["ExampleSchedule"]["Default"], "");
    let asked_for = json!({ "Fn::Equals": [{ "Ref": "ExampleSchedule" }, "true"] });
    let not_prod = json!({ "Fn::And": [
        { "Condition": "IsNotProd" }, { "Fn::Equals": [{ "Ref": "ExampleSchedule" }, ""] },
    ] });
    assert_eq!(template["Conditions"]["HasExampleSchedule"], json!({ "Fn::Or": [asked_for, not_prod] }));
}

#[test]
fn every_parameter_that_samconfig_sets_exists() {
    let template = template();
    for (name, overrides) in environments() {
        for parameter in overrides.keys() {
            assert!(
                !template["Parameters"][parameter].is_null(),
                "samconfig.toml, {name}: no parameter {parameter}"
            );
        }
    }
}

#[test]
fn every_function_has_a_log_group_that_forgets() {
    let check = checks::every_function_has_a_log_group;
    holds(&check(&template()));
    let group = "/Resources/UsersMeLogGroup/Properties";
    let fault = "UsersMeFunction: has no log group with a retention";
    refused(check, &format!("{group}/RetentionInDays"), Value::Null, fault);
    let fault = "UsersMeFunction: its log group is not /aws/lambda/ and its name";
    refused(check, &format!("{group}/LogGroupName"), json!("/aws/lambda/me"), fault);
}
