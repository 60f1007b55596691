//! The name of a stack leaves room for the names that are made of it.
//!
//! CloudFormation's own rules see parameters and not the stack's name, so an environment that is too long
//! is refused here.

use std::fs;

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{resources, template},
    holds,
};

/// What the documentation promises.
const LONGEST_STACK: usize = 42;
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

/// The stacks of samconfig.toml.
fn stacks(samconfig: &str) -> Vec<&str> {
    let values = samconfig.lines().filter_map(|line| line.trim().strip_prefix("stack_name = "));
    values.map(|value| value.trim_matches('"')).collect()
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

    let mut broken = template;
    broken["Resources"]["TasksQueue"]["Properties"]["QueueName"] = json!("tasks");
    let fault = "TasksQueue: QueueName does not begin with the stack's name";
    assert_eq!(too_long(&broken, LONGEST_STACK), [fault]);
}

#[test]
fn every_stack_of_samconfig_is_short_enough() {
    let samconfig = read("samconfig.toml");
    let stacks = stacks(&samconfig);
    assert!(stacks.len() >= 2, "only {stacks:?} were found");
    for stack in stacks {
        assert!(
            stack.len() <= LONGEST_STACK,
            "samconfig.toml: {stack} has more than {LONGEST_STACK} characters"
        );
    }
}
