//! Functions that one setting names run on Lambda Managed Instances, and no others.

use std::path::Path;

use serde_json::{Value, json};

use super::{budget::transformed_with, checks::Faults, document::resources, generated::parts};

/// The setting in template.base.yaml.
const NONE: &str = "ManagedInstances: {Functions: [], ";

fn with(functions: &str) -> Result<String, Faults> {
    let mut parts = parts();
    assert!(parts.base.contains(NONE), "template.base.yaml lacks {NONE:?}");
    parts.base = parts.base.replace(NONE, &format!("ManagedInstances: {{Functions: [{functions}], "));
    parts.template()
}

/// The template with two functions on managed instances, of which one hashes passwords.
pub(crate) fn generated() -> String {
    with("users-me, auth-tokens").unwrap_or_else(|faults| panic!("{}", faults.join("\n")))
}

/// The functions that run on managed instances, and their properties.
fn managed(stack: &Value) -> Vec<(&str, &Value)> {
    let functions = resources(stack, "AWS::Lambda::Function").into_iter();
    functions.filter(|(_, function)| !function["CapacityProviderConfig"].is_null()).collect()
}

#[test]
fn without_a_name_no_function_runs_on_managed_instances() {
    let stack = transformed_with(&with("").expect("a template"), &[]);
    assert!(managed(&stack).is_empty());
    assert!(resources(&stack, "AWS::Lambda::CapacityProvider").is_empty());
}

#[test]
fn named_functions_run_on_managed_instances_with_several_requests_at_once() {
    let stack = transformed_with(&generated(), &[]);
    let found = managed(&stack);
    let names: Vec<&str> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(names, ["AuthTokensFunction", "UsersMeFunction"]);
    for (id, function) in found {
        let config = &function["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"];
        let expected = json!({
            "CapacityProviderArn": { "Fn::GetAtt": ["ManagedInstances", "Arn"] },
            "ExecutionEnvironmentMemoryGiBPerVCpu": 2,
            "PerExecutionEnvironmentMaxConcurrency": 16,
        });
        assert_eq!(*config, expected, "{id}");
        assert_eq!(function["MemorySize"], 2048, "{id}");
        assert!(function["ReservedConcurrentExecutions"].is_null(), "{id}: the provider has the limit");
        assert!(function["VpcConfig"].is_null(), "{id}: the provider has the network");
    }
    let providers = resources(&stack, "AWS::Lambda::CapacityProvider");
    let [(id, provider)] = providers[..] else { panic!("{providers:?}") };
    assert_eq!(id, "ManagedInstances");
    assert_eq!(provider["CapacityProviderScalingConfig"]["MaxVCpuCount"], 12);
    assert_eq!(provider["VpcConfig"]["SubnetIds"], json!({ "Ref": "VpcSubnetIds" }));
    let rule = &stack["Rules"]["ManagedInstancesHaveANetwork"]["Assertions"];
    assert_eq!(rule.as_array().map(Vec::len), Some(1), "{rule}");
}

#[test]
fn a_function_that_no_api_calls_is_refused() {
    let fault = "template.base.yaml: Metadata.ManagedInstances: tasks-worker answers no request of an API; \
                 remove it, or give it a route";
    assert_eq!(with("tasks-worker").expect_err("a fault"), [fault]);
}

/// Python cannot read the constant of the code.
#[test]
fn a_deployment_counts_the_connections_that_a_process_shares() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let number = |file: &str, name: &str| {
        let text = std::fs::read_to_string(root.join(file)).expect("a file");
        let line = text.lines().find(|line| line.contains(name)).expect("the constant");
        line.rsplit(' ').next().map(|number| number.trim_end_matches(';').to_owned())
    };
    assert_eq!(
        number("xtask/python/connections.py", "SHARED = "),
        number("core/src/config/database.rs", "const MOST_SHARED: ")
    );
}

#[test]
fn a_name_of_no_function_is_refused() {
    let fault = "template.base.yaml: Metadata.ManagedInstances: there is no function \"users-mee\"; \
                 write the name of a folder in functions/";
    assert_eq!(with("users-mee").expect_err("a fault"), [fault]);
}
