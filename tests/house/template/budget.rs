//! The template stays below the limits of CloudFormation, IAM and Lambda with many more functions than today.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use app_core::testing::setting;
use catalogue::template::Parts;
use serde_json::Value;

use super::{
    checks::Faults,
    document::{many, resources},
    generated::parts,
    holds,
};

/// As many functions as the product has with accounts and production work.
pub(super) const FUNCTIONS: usize = 61;

/// CloudFormation allows 500 resources. The rest is for what an engineer adds.
const RESOURCES: usize = 470;
/// CloudFormation allows 1,000,000 bytes, for the template and for what SAM makes of it.
const BYTES: usize = 700_000;
/// CloudFormation allows 200 parameters.
const PARAMETERS: usize = 150;
/// What IAM allows for all policies that are written in a role.
const POLICY: usize = 10_240;
/// What Lambda allows for all names and values of a function's environment.
const ENVIRONMENT: usize = 4_096;

/// RDS's longest: `Amazon RDS ap-southeast-1 Root CA RSA4096 G1` has 2,159 bytes.
const LONGEST_PEM: usize = 2_200;
/// The longest that can follow from a stack's name of 42 characters, in the region with the longest name.
const LONGEST_ARN: usize = 140;
const LONGEST_URL: usize = 130;

/// Fragments of which there will be more: each way of being called, with and without limits and events.
const KINDS: [&str; 4] = ["users-me", "users-me-update", "auth-sign-up", "users-list"];

/// Returns the parts with copies of fragments, each with its own path, until there are so many functions.
pub(super) fn grown(functions: usize) -> Parts {
    let mut parts = parts();
    for (number, kind) in (0..functions - parts.functions.len()).zip(KINDS.iter().cycle()) {
        let fragment = &parts.functions[*kind];
        let path = fragment.split("Path: ").nth(1).and_then(|rest| rest.split(',').next()).expect("a path");
        // As long as a function's name may be.
        let name = format!("account-feature-{number:05}");
        let copy = fragment.replace(path, &format!("/api/v1/account/{name}"));
        parts.functions.insert(name, copy);
    }
    assert_eq!(parts.functions.len(), functions);
    parts
}

/// Returns what SAM makes of a template.
fn transformed(template: &str) -> Value {
    transformed_with(template, &[])
}

/// Returns what SAM makes of a template with these parameters.
pub(super) fn transformed_with(template: &str, parameters: &[(&str, &str)]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("house/template/transform.py");
    let mut python = Command::new(setting("TEST_PYTHON"))
        .arg(script)
        .args(parameters.iter().map(|(name, value)| format!("{name}={value}")))
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python runs: `cargo xtask` installs it");
    python.stdin.take().expect("its stdin").write_all(template.as_bytes()).expect("it reads");
    let output = python.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Returns what is above the budget.
fn above(template: &str, stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let mut check = |what: &str, found: usize, most: usize| {
        if found > most {
            faults.push(format!("{what}: {found} of at most {most}"));
        }
    };
    let count = |section: &str| stack[section].as_object().map_or(usize::MAX, serde_json::Map::len);
    check("resources", count("Resources"), RESOURCES);
    check("bytes of the template", template.len(), BYTES);
    check("bytes of what SAM makes of it", stack.to_string().len(), BYTES);
    check("parameters", count("Parameters"), PARAMETERS);
    for (id, role) in resources(stack, "AWS::IAM::Role") {
        let policies = many(&role["Policies"]);
        let size = policies.iter().map(|policy| length(&policy["PolicyDocument"], stack)).sum();
        check(&format!("{id}, characters of its policies"), size, POLICY);
    }
    for (id, function) in resources(stack, "AWS::Lambda::Function") {
        let variables = function["Environment"]["Variables"].as_object().expect("variables");
        let size = variables.iter().map(|(name, value)| name.len() + length(value, stack)).sum();
        check(&format!("{id}, bytes of its environment"), size, ENVIRONMENT);
    }
    faults
}

/// Returns how long the text of a value can be when it is deployed, as JSON without spaces.
fn length(value: &Value, stack: &Value) -> usize {
    let of = |value: &Value| length(value, stack);
    match value {
        Value::Object(all) if all.len() == 1 => match all.iter().next().expect("one entry") {
            (key, name) if key == "Ref" => reference(name.as_str().unwrap_or_default(), stack),
            (key, _) if key == "Fn::GetAtt" => LONGEST_ARN,
            (key, text) if key == "Fn::Sub" => substituted(text.as_str().unwrap_or_default()),
            (key, cases) if key == "Fn::If" => {
                many(cases)[1..].iter().map(|case| of(case)).max().unwrap_or(0)
            }
            (key, value) => key.len() + of(value) + 5,
        },
        Value::Object(all) => all.iter().map(|(key, value)| key.len() + of(value) + 6).sum::<usize>() + 2,
        Value::Array(items) => items.iter().map(|item| of(item) + 3).sum::<usize>() + 2,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

/// Returns how long a parameter's value, or a resource's name, can be.
fn reference(name: &str, stack: &Value) -> usize {
    let parameter = &stack["Parameters"][name];
    let longest = |values: &Value| many(values).iter().filter_map(|v| v.as_str()).map(str::len).max();
    match name {
        "AWS::NoValue" => 0,
        "DatabaseSslRootCert" => LONGEST_PEM,
        // Empty for MSK. docs/limits.md says that there is no room for another one.
        "KafkaSslRootCert" => 0,
        _ if name.ends_with("Arn") => LONGEST_ARN,
        _ if name.starts_with("RateLimit") => "9999999/9999999".len(),
        // Three brokers of MSK.
        "KafkaBootstrapServers" => 240,
        "CorsOriginWhitelist" | "PasswordForbiddenWords" => 150,
        "AppUrl" | "CorsAllowHeaders" | "DatabaseHost" | "MailFrom" => 80,
        _ if !parameter.is_null() => longest(&parameter["AllowedValues"])
            .unwrap_or(32)
            .max(longest(&parameter["Default"]).unwrap_or(0)),
        _ => LONGEST_ARN.max(LONGEST_URL),
    }
}

/// Returns the length of a text with the longest names of partition, region, account and stack.
fn substituted(text: &str) -> usize {
    let names = [
        ("${AWS::Partition}", "aws-us-gov"),
        ("${AWS::Region}", "ap-southeast-1"),
        ("${AWS::AccountId}", "123456789012"),
        ("${AWS::StackName}", "a-stack-whose-name-has-forty-two-character"),
    ];
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value)).len()
}

#[test]
fn the_budget_holds_with_many_more_functions() {
    let template = grown(FUNCTIONS).template().unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    let stack = transformed(&template);
    holds(&above(&template, &stack));
    assert_eq!(resources(&stack, "AWS::Lambda::Function").len(), FUNCTIONS);
}

#[test]
fn the_comparison_page_says_what_an_endpoint_costs() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/comparison.md"));
    let page = page.expect("the page");
    let resources = |functions| {
        let template = grown(functions).template().unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        transformed(&template)["Resources"].as_object().expect("resources").len()
    };
    let cost = (resources(FUNCTIONS) - resources(FUNCTIONS - KINDS.len())) / KINDS.len();
    for promise in [
        format!("An HTTP endpoint adds {cost} resources"),
        format!(
            "A test adds functions until there are {FUNCTIONS}. They may be at most {RESOURCES} resources."
        ),
    ] {
        assert!(page.contains(&promise), "docs/comparison.md does not say: {promise}");
    }
}

#[test]
fn what_is_above_the_budget_is_named() {
    let template = grown(FUNCTIONS * 2).template().unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    let mut stack = transformed(&template);
    let faults = above(&template, &stack);
    assert!(faults.iter().any(|fault| fault.starts_with("resources: ")), "{faults:?}");
    stack["Resources"]["UsersMeFunction"]["Properties"]["Environment"]["Variables"]["MORE"] =
        "x".repeat(ENVIRONMENT).into();
    let role = &mut stack["Resources"]["DatabaseJwtRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    role["Id"] = "x".repeat(POLICY).into();
    let faults = above(&template, &stack);
    for start in
        ["UsersMeFunction, bytes of its environment: ", "DatabaseJwtRole, characters of its policies: "]
    {
        assert!(faults.iter().any(|fault| fault.starts_with(start)), "{faults:?}");
    }
}
