//! Each function is called by its alias, so that a release can go back, and gradual deployments are optional.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
};

use app_core::testing::setting;
use serde_json::{Value, json};

use super::{
    budget::transformed_with,
    checks::Faults,
    document::{functions, many, resources, template},
    holds,
};

fn text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml"))
        .expect("the template")
}

fn gradual(template: &str, value: &str) -> Value {
    transformed_with(template, &[("GradualDeployments", value)])
}

/// Returns what calls a function and not its alias.
fn callers_without_the_alias(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let names: BTreeSet<&str> =
        resources(stack, "AWS::Lambda::Function").into_iter().map(|(id, _)| id).collect();
    let alias = |value: &Value| value["Ref"].as_str().is_some_and(|name| name.ends_with("FunctionAliaslive"));
    for kind in
        ["AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"]
    {
        for (id, resource) in resources(stack, kind) {
            let by_qualifier = resource["Qualifier"] == "live";
            if !alias(&resource["FunctionName"]) && !by_qualifier {
                faults.push(format!("{id}: is for a function, and not for its alias"));
            }
        }
    }
    for (id, rule) in resources(stack, "AWS::Events::Rule") {
        for target in many(&rule["Targets"]) {
            let called = target["Arn"]["Fn::GetAtt"][0].as_str();
            if called.is_some_and(|name| names.contains(name)) {
                faults.push(format!("{id}: calls a function, and not its alias"));
            }
        }
    }
    for (id, api) in resources(stack, "AWS::ApiGateway::RestApi") {
        let text = api["Body"].to_string();
        let calls = text.matches("/functions/${").count();
        let by_alias = text.matches("FunctionAliaslive}/invocations").count();
        if calls == 0 || by_alias != calls {
            faults.push(format!("{id}: {by_alias} of {calls} methods call an alias"));
        }
    }
    faults
}

#[test]
fn api_queues_and_schedules_call_the_alias() {
    let stack = gradual(&text(), "false");
    holds(&callers_without_the_alias(&stack));
    let aliases = resources(&stack, "AWS::Lambda::Alias").len();
    assert_eq!(aliases, resources(&stack, "AWS::Lambda::Function").len());

    let kafka = text().replacen(
        "FunctionName: !Ref EventsConsumerKafkaFunction.Alias",
        "FunctionName: !Ref EventsConsumerKafkaFunction",
        1,
    );
    let fault = "EventsConsumerKafkaMskMapping: is for a function, and not for its alias";
    assert_eq!(callers_without_the_alias(&gradual(&kafka, "false")), [fault]);
    let without = text().replace("    AutoPublishAlias: live\n", "").replace("Function.Alias", "Function");
    let without = without.replace("    AutoPublishAliasAllProperties: true\n", "");
    let start = without.find("    DeploymentPreference:\n").expect("the preference");
    let end = without.find("    Architectures: [!Ref Architecture]").expect("what follows");
    let without = format!("{}{}", &without[..start], &without[end..])
        .replace("      DeploymentPreference: {Enabled: false}\n", "");
    let faults = callers_without_the_alias(&gradual(&without, "false"));
    assert!(
        faults.contains(&"Api: 0 of 80 methods call an alias".to_owned())
            || faults.iter().any(|fault| fault.starts_with("Api: 0 of ")),
        "{faults:?}"
    );
}

#[test]
fn code_deploy_is_there_only_if_it_is_asked_for() {
    let kinds = |stack: &Value| {
        let all = stack["Resources"].as_object().expect("resources").values();
        let kinds = all.filter_map(|one| one["Type"].as_str().map(str::to_owned));
        kinds.filter(|kind| kind.starts_with("AWS::CodeDeploy::")).collect::<BTreeSet<_>>()
    };
    let off = gradual(&text(), "false");
    assert_eq!(kinds(&off), BTreeSet::new());
    assert!(off["Resources"]["UsersMeFunctionAliaslive"]["UpdatePolicy"].is_null());

    let on = gradual(&text(), "true");
    let groups: BTreeSet<String> = resources(&on, "AWS::CodeDeploy::DeploymentGroup")
        .into_iter()
        .map(|(id, _)| id.replace("DeploymentGroup", ""))
        .collect();
    let template = template();
    let called = functions(&template).into_iter().filter(|(id, function)| {
        // The mapping of Kafka stands next to the function.
        !function["Events"].is_null() || *id == "EventsConsumerKafkaFunction"
    });
    assert_eq!(groups, called.map(|(id, _)| id.to_owned()).collect());
    for (id, group) in resources(&on, "AWS::CodeDeploy::DeploymentGroup") {
        let alarms: Vec<_> = many(&group["AlarmConfiguration"]["Fn::If"][1]["Alarms"])
            .iter()
            .filter_map(|alarm| alarm["Name"]["Ref"].as_str())
            .collect();
        assert_eq!(alarms, ["ReleaseApiAlarm", "ReleaseGrpcAlarm", "ReleaseFunctionsAlarm"], "{id}");
        assert!(alarms.iter().all(|alarm| on["Resources"][alarm]["Condition"] == "HasGradualDeployments"));
        let stops = many(&group["AutoRollbackConfiguration"]["Events"]);
        assert!(stops.contains(&&json!("DEPLOYMENT_STOP_ON_ALARM")), "{id}");
    }
    let policy = &on["Resources"]["UsersMeFunctionAliaslive"]["UpdatePolicy"];
    assert_eq!(
        policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"],
        "UsersMeFunctionDeploymentGroup"
    );
}

/// Returns the hashes that `cargo xtask deploy` gives SAM, by function, for these parameters.
fn hashes(parameters: &Value) -> Value {
    let code = "
import json, sys
sys.path.insert(0, sys.argv[1])
import releases
from packages import functions, read_template
template = read_template(sys.argv[2])
for function in functions(template).values():
    function['Properties']['AutoPublishCodeSha256'] = 'the hash of the code'
releases.stamp(template, json.loads(sys.argv[3]))
print(json.dumps({id: one['Properties']['AutoPublishCodeSha256'] for id, one in functions(template).items()}))";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut python = Command::new(setting("TEST_PYTHON"));
    let python = python.args(["-c", code]).arg(root.join("xtask/python")).arg(root.join("template.yaml"));
    let output = python.arg(parameters.to_string()).stdin(Stdio::null()).output().expect("Python runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// SAM does not see the value of a parameter, and Lambda publishes no version without a change.
#[test]
fn a_version_is_published_if_and_only_if_a_value_of_its_function_changes() {
    let changed = |one: &Value, other: &Value| {
        let all = one.as_object().expect("functions").iter();
        all.filter(|(id, hash)| other[*id] != **hash).map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
    };
    let before = hashes(&json!({}));
    let count = before.as_object().expect("functions").len();
    assert_eq!(changed(&before, &hashes(&json!({ "LogLevel": "info" }))), BTreeSet::new());
    assert_eq!(changed(&before, &hashes(&json!({ "LogLevel": "debug" }))).len(), count);
    // Of one function only.
    let relay = changed(&before, &hashes(&json!({ "MigratorSecretArn": "arn:of:another" })));
    assert_eq!(relay, BTreeSet::from(["MigrateFunction".to_owned()]));
    // By a condition, and not at all: a throttle is no setting of a function.
    assert_eq!(changed(&before, &hashes(&json!({ "VpcSubnetIds": "subnet-1" }))).len(), count);
    assert_eq!(
        changed(&before, &hashes(&json!({ "ApiThrottleRate": 7, "AlarmTopicArn": "x" }))),
        BTreeSet::new()
    );
}
