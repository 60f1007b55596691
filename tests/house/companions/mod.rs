//! The stacks in ops/ fit the main template, and keep the rules that decide in production.
//!
//! As in `template/`, every rule is shown twice: the file keeps it, and a file that breaks it is refused.

mod account;
mod boundaries;
mod database;
mod deploy;
mod endpoints;
mod network;
mod offered;
mod rights;
mod subnets;
mod waf;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::template::{
    checks::Faults,
    document::{many, parse, resources, template},
};

/// Outputs that a person needs and that no stack takes: the role for GitHub.
const FOR_PEOPLE: [&str; 1] = ["DeployRoleArn"];

/// The role with which a workflow deploys.
const DEPLOY: &str = "/Resources/DeployRole/Properties";

const NAMES: [&str; 4] = ["account", "network", "database", "waf"];

fn companion(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops").join(format!("{name}.yaml"));
    parse(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn names(stack: &Value, section: &str) -> BTreeSet<String> {
    stack[section].as_object().expect("a section").keys().cloned().collect()
}

#[track_caller]
fn holds(check: fn(&Value) -> Faults, name: &str) {
    let faults = check(&companion(name));
    assert!(faults.is_empty(), "ops/{name}.yaml:\n  {}", faults.join("\n  "));
}

/// Breaks a companion in one place and expects the check to say what is wrong.
#[track_caller]
fn refused(check: fn(&Value) -> Faults, name: &str, pointer: &str, value: Value, expected: &str) {
    let mut broken = companion(name);
    let place =
        broken.pointer_mut(pointer).unwrap_or_else(|| panic!("ops/{name}.yaml has nothing at {pointer}"));
    assert_ne!(*place, value, "{pointer} already had this value");
    *place = value;
    assert_eq!(check(&broken), [expected], "{pointer}");
}

/// Returns the statements of a policy, without what a condition leaves out.
fn statements(document: &Value) -> Vec<&Value> {
    let all = many(&document["Statement"]).into_iter();
    all.map(|statement| if statement["Fn::If"].is_null() { statement } else { &statement["Fn::If"][1] })
        .collect()
}

/// Returns whether an ARN names only what belongs to one environment.
fn is_prefixed(arn: &Value) -> bool {
    arn["Fn::Sub"].as_str().is_some_and(|arn| arn.contains("${StackPrefix}"))
}

/// Returns the place of a statement of the deploy role.
fn place(sid: &str) -> String {
    let stack = companion("account");
    let all =
        many(&stack["Resources"]["DeployRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]);
    let place = all.iter().position(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("no statement {sid}"));
    format!("{DEPLOY}/Policies/0/PolicyDocument/Statement/{place}")
}

fn actions(statement: &Value) -> Vec<&str> {
    many(&statement["Action"]).into_iter().filter_map(Value::as_str).collect()
}

/// Returns what a role or a managed policy says.
fn policy(properties: &Value) -> Vec<&Value> {
    let inline = many(&properties["Policies"]).into_iter().map(|policy| &policy["PolicyDocument"]);
    inline.chain([&properties["PolicyDocument"]]).flat_map(statements).collect()
}

/// A key opens secrets and nothing else.
fn keys_are_for_secrets(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let documents = |id: &str, properties: &Value| {
        let inline = many(&properties["Policies"]).into_iter().map(|policy| policy["PolicyDocument"].clone());
        let all: Vec<_> = inline.chain([properties["PolicyDocument"].clone()]).collect();
        (id.to_owned(), all)
    };
    let roles = resources(stack, "AWS::IAM::Role").into_iter();
    let policies = roles.chain(resources(stack, "AWS::IAM::ManagedPolicy"));
    for (id, documents) in policies.map(|(id, properties)| documents(id, properties)) {
        for statement in documents.iter().flat_map(statements) {
            let is_about_keys = actions(statement).iter().any(|action| action.starts_with("kms:"));
            let via = &statement["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"];
            // A boundary allows nothing without a policy that has the condition.
            if is_about_keys && via != "secretsmanager.${AWS::Region}.amazonaws.com" && id != "DeployBoundary"
            {
                faults.push(format!("{id}: uses a key for something else than secrets"));
            }
        }
    }
    faults
}

#[test]
fn the_outputs_of_a_companion_are_parameters_of_another_stack() {
    let mut parameters = names(&template(), "Parameters");
    parameters.extend(NAMES.iter().flat_map(|name| names(&companion(name), "Parameters")));
    for name in NAMES {
        for output in names(&companion(name), "Outputs") {
            let is_known = parameters.contains(&output) != FOR_PEOPLE.contains(&output.as_str());
            assert!(is_known, "ops/{name}.yaml: no stack has a parameter {output}");
        }
    }
}

/// What the main template cannot do without, and what makes it safe, comes from a companion.
#[test]
fn the_companions_give_what_the_main_template_needs() {
    let template = template();
    let parameters = template["Parameters"].as_object().expect("parameters").iter();
    let mut needed: BTreeSet<_> = parameters
        .filter(|(_, parameter)| parameter["Default"].is_null())
        .map(|(name, _)| name.clone())
        .collect();
    assert!(needed.contains("DatabaseHost"), "{needed:?}");
    let more =
        ["VpcSubnetIds", "VpcSecurityGroupIds", "AlarmTopicArn", "WebAclArn", "PermissionsBoundaryArn"];
    needed.extend(more.map(str::to_owned));
    let given: BTreeSet<_> = NAMES.iter().flat_map(|name| names(&companion(name), "Outputs")).collect();
    let missing: Vec<_> = needed.difference(&given).collect();
    assert!(missing.is_empty(), "no companion has an output {missing:?}");
}

#[test]
fn every_file_in_ops_is_known_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops");
    let files = fs::read_dir(folder).expect("ops/").flatten().map(|entry| entry.path());
    let found: BTreeSet<_> =
        files.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect();
    assert_eq!(found, NAMES.map(str::to_owned).into(), "add the file to NAMES, and a test of its rules");
}

#[test]
fn a_key_is_used_for_secrets_alone() {
    for name in NAMES {
        holds(keys_are_for_secrets, name);
    }
    let key = "/Resources/ProxyRole/Properties/Policies/0/PolicyDocument/Statement/1/Fn::If/1/Condition";
    let fault = "ProxyRole: uses a key for something else than secrets";
    refused(keys_are_for_secrets, "database", key, Value::Null, fault);
    let other = json!({ "StringEquals": { "kms:ViaService": "s3.eu-central-1.amazonaws.com" } });
    refused(keys_are_for_secrets, "database", key, other, fault);
}
