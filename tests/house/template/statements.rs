//! Reads the statements of a function's role.

use serde_json::{Value, json};

use super::document::{many, target};

/// What Lambda does with the network interfaces of a function in a VPC. They do not exist when the role is
/// made, so the resource is a wildcard.
const NETWORK: [&str; 6] = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
];

/// What the daemon next to a function does, which has the function's role. X-Ray has no resources.
const TRACES: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// What a role allows, with the condition that it stands under.
pub(super) fn statements(role: &Value) -> Vec<(Option<&str>, &Value)> {
    many(&role["Policies"])
        .into_iter()
        .flat_map(|policy| many(&policy["PolicyDocument"]["Statement"]))
        .flat_map(|statement| match statement["Fn::If"].as_array() {
            Some(cases) => {
                let condition = cases.first().and_then(Value::as_str);
                cases.iter().skip(1).map(|case| (condition, case)).collect()
            }
            None => vec![(None, statement)],
        })
        .filter(|(_, statement)| statement["Ref"] != "AWS::NoValue")
        .collect()
}

/// Returns what a function may do, apart from its network: what its role allows to all of its functions, and
/// to this one.
pub(super) fn rights<'a>(template: &'a Value, function: &'a Value) -> Vec<&'a Value> {
    let role = &template["Resources"][target(&function["Role"]).unwrap_or_default()]["Properties"];
    let is_its =
        |statement: &Value| acting(statement).is_none_or(|name| function["FunctionName"]["Fn::Sub"] == name);
    let all = statements(role).into_iter();
    let all = all.filter(|(condition, statement)| !is_network(*condition, statement) && is_its(statement));
    let all = all.filter(|(condition, statement)| !is_tracing(*condition, statement));
    let all = all.filter(|(_, statement)| !is_database_login(statement));
    all.map(|(_, statement)| statement).collect()
}

pub(super) fn is_database_login(statement: &Value) -> bool {
    many(&statement["Action"]).contains(&&Value::from("rds-db:connect"))
}

pub(super) fn is_network(condition: Option<&str>, statement: &Value) -> bool {
    condition == Some("HasVpc")
        && statement["Resource"] == "*"
        && many(&statement["Action"]).into_iter().eq(&NETWORK.map(Value::from))
}

pub(super) fn is_tracing(condition: Option<&str>, statement: &Value) -> bool {
    condition == Some("HasTraces")
        && *statement == json!({ "Effect": "Allow", "Action": TRACES, "Resource": "*" })
}

pub(super) fn is_log(statement: &Value) -> bool {
    many(&statement["Action"]).iter().any(|action| action.as_str().is_some_and(|a| a.starts_with("logs:")))
}

/// Whether a statement allows text messages to phone numbers, and nothing else.
pub(super) fn is_text(condition: Option<&str>, statement: &Value) -> bool {
    condition == Some("HasSmsCountries")
        && *statement
            == json!({
                "Effect": "Allow",
                "Action": "sns:Publish",
                "NotResource": { "Fn::Sub": "arn:${AWS::Partition}:sns:*:*:*" },
            })
}

/// Returns the log group of a function.
pub(super) fn group(function: &Value) -> &str {
    target(&function["LoggingConfig"]["LogGroup"]).unwrap_or_default()
}

/// Returns the name of the only function that a statement is for.
pub(super) fn acting(statement: &Value) -> Option<&str> {
    let arns = statement["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"].as_array()?;
    let [function, versions] = arns.as_slice() else { return None };
    let function = function["Fn::Sub"].as_str()?;
    let is_its = versions["Fn::Sub"].as_str()?.strip_suffix(":*")? == function;
    let name =
        function.strip_prefix("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:");
    name.filter(|_| is_its)
}
