//! The name of a stack leaves room for the names that are made of it.
//!
//! CloudFormation's own rules see parameters and not the stack's name, so an environment that is too long
//! is refused here.

use std::fs;

use serde_json::{Value, json};
use xtask::delivery::settings::LONGEST_STACK;

use super::{
    checks::Faults,
    document::{deployments, resources, samconfig, template},
    holds,
};

/// A kind, the property that names it, and how many characters AWS allows.
const NAMED: [(&str, &str, usize); 2] =
    [("AWS::Serverless::Function", "FunctionName", 64), ("AWS::SQS::Queue", "QueueName", 80)];

/// Returns the names that would be too long under a stack with a name of this length.
fn too_long(template: &Value, stack: usize) -> Faults {
    let mut faults = Faults::new();
    for (kind, property, most) in NAMED {
        for (id, resource) in resources(template, kind) {
            let Some(rest) =
                resource[property]["Fn::Sub"].as_str().and_then(|n| n.strip_prefix("${AWS::StackName}"))
            else {
                faults.push(format!("{id}: {property} does not begin with the stack's name"));
                continue;
            };
            if stack + rest.len() > most {
                faults.push(format!("{id}: {property} has {} characters of {most}", stack + rest.len()));
            }
        }
    }
    faults
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).expect("a file of the project")
}

#[test]
fn the_longest_stack_is_as_long_as_the_documentation_says() {
    let template = template();
    holds(&too_long(&template, LONGEST_STACK));
    let one_more = too_long(&template, LONGEST_STACK + 1);
    assert_eq!(one_more, ["EventsConsumerKafkaFunction: FunctionName has 65 characters of 64"]);
    let promise = format!("{LONGEST_STACK} characters");
    assert!(template["Description"].as_str().is_some_and(|text| text.contains(&promise)));
    assert!(read("docs/deploying.md").contains(&promise), "docs/deploying.md does not say {promise}");
    let rule = format!("const LONGEST: usize = 64 - {LONGEST_STACK} - 1;");
    assert!(read("xtask/src/generate/names.rs").contains(&rule), "`cargo xtask new` does not have: {rule}");

    let mut broken = template;
    broken["Resources"]["TasksQueue"]["Properties"]["QueueName"] = json!("tasks");
    let fault = "TasksQueue: QueueName does not begin with the stack's name";
    assert_eq!(too_long(&broken, LONGEST_STACK), [fault]);
}

/// The names of stacks leave room for those of functions.
fn stacks_are_short(samconfig: &toml::Table) -> Faults {
    let mut faults = Faults::new();
    for (name, parameters) in deployments(samconfig) {
        match parameters.get("stack_name").and_then(toml::Value::as_str) {
            None => faults.push(format!("samconfig.toml: {name} has no stack_name")),
            Some(stack) if stack.len() > LONGEST_STACK => {
                faults.push(format!("samconfig.toml: {stack} has more than {LONGEST_STACK} characters"))
            }
            Some(_) => {}
        }
    }
    faults
}

/// Breaks samconfig.toml in one place and expects the check to say what is wrong.
#[track_caller]
fn refused_config(check: fn(&toml::Table) -> Faults, from: &str, to: &str, expected: &str) {
    let text = read("samconfig.toml");
    assert!(text.contains(from), "samconfig.toml lacks {from}");
    assert_eq!(check(&text.replacen(from, to, 1).parse().expect("TOML")), [expected]);
}

#[test]
fn every_stack_of_samconfig_is_short_enough() {
    let check = stacks_are_short;
    holds(&check(&samconfig()));
    let fault = "samconfig.toml: app-staging-of-the-second-team-in-the-region-a has more than 42 characters";
    let long = "stack_name = \"app-staging-of-the-second-team-in-the-region-a\"";
    refused_config(check, "stack_name = \"app-staging\"", long, fault);
    let fault = "samconfig.toml: staging has no stack_name";
    refused_config(check, "stack_name = \"app-staging\"", "", fault);
}

/// The environments that are on AWS.
fn on_aws(samconfig: &toml::Table) -> impl Iterator<Item = (&str, &toml::Table)> {
    deployments(samconfig).into_iter().filter(|(name, _)| *name != "local")
}

/// Costs are told apart by these two tags, which reach every resource of a stack.
fn costs_are_told_apart(samconfig: &toml::Table) -> Faults {
    let is_bare = |name: &str, parameters: &toml::Table| {
        let tags = format!("Project=app Environment={name}");
        parameters.get("tags").and_then(toml::Value::as_str) != Some(&tags)
    };
    let bare = on_aws(samconfig).filter(|(name, parameters)| is_bare(name, parameters));
    bare.map(|(name, _)| format!("samconfig.toml: {name} lacks the tags Project and Environment")).collect()
}

/// The role that deploys one environment may write archives only below its own prefix: ops/account.yaml.
fn archives_have_their_folders(samconfig: &toml::Table) -> Faults {
    let is_shared = |parameters: &toml::Table| {
        parameters.get("s3_prefix").is_none() || parameters.get("s3_prefix") != parameters.get("stack_name")
    };
    let shared = on_aws(samconfig).filter(|(_, parameters)| is_shared(parameters));
    shared.map(|(name, _)| format!("samconfig.toml: {name} has no s3_prefix with the stack's name")).collect()
}

#[test]
fn every_environment_on_aws_has_tags_and_a_folder_for_its_archives() {
    let samconfig = samconfig();
    let names: Vec<_> = on_aws(&samconfig).map(|(name, _)| name).collect();
    assert_eq!(names, ["prod", "staging"]);
    holds(&costs_are_told_apart(&samconfig));
    holds(&archives_have_their_folders(&samconfig));
    let fault = "samconfig.toml: staging lacks the tags Project and Environment";
    refused_config(costs_are_told_apart, "Environment=staging", "Environment=prod", fault);
    let fault = "samconfig.toml: staging has no s3_prefix with the stack's name";
    refused_config(archives_have_their_folders, "s3_prefix = \"app-staging\"", "s3_prefix = \"app\"", fault);
}
