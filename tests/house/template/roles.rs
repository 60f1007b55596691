//! The rules of the functions' roles: each role allows what its function is told of, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    checks::Faults,
    document::{events, functions, many, resources, target},
};

/// A secret, and the key that opens it. A role that may read the one may use the other.
const KEYS: [(&str, &str); 6] = [
    ("DatabaseSecretArn", "DatabaseSecretKeyArn"),
    ("MigratorSecretArn", "MigratorSecretKeyArn"),
    ("OperationsSecretArn", "OperationsSecretKeyArn"),
    ("MailUrlArn", "MailUrlKeyArn"),
    ("CacheUrlArn", "CacheUrlKeyArn"),
    ("KafkaSecretArn", "KafkaSecretKeyArn"),
];

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

/// The one managed policy. Lambda's pollers ask MSK for its brokers, which AWS offers for all clusters only.
const MSK: &str = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaMSKExecutionRole";

/// Every function has its own role, written out: a role that SAM makes may read every queue of the account.
pub(crate) fn every_function_has_its_own_role(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let mut seen = BTreeSet::new();
    for (id, function) in functions(template) {
        match target(&function["Role"]) {
            Some(role) if template["Resources"][role]["Type"] == "AWS::IAM::Role" => {
                if !seen.insert(role) {
                    faults.push(format!("{id}: shares {role}"));
                }
            }
            _ => faults.push(format!("{id}: has no role in this template")),
        }
    }
    faults
}

/// No statement allows everything, but for the network of a function in a VPC. The one managed policy comes
/// only with a cluster of MSK.
pub(crate) fn roles_allow_no_wildcard(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        let managed = &role["ManagedPolicyArns"];
        let is_msk = managed["Fn::If"][0] == "HasMskCluster"
            && many(&managed["Fn::If"][1]).iter().all(|policy| policy["Fn::Sub"] == MSK)
            && managed["Fn::If"][2]["Ref"] == "AWS::NoValue";
        if !managed.is_null() && !is_msk {
            faults.push(format!("{id}: has a managed policy that is not that of MSK under HasMskCluster"));
        }
        for (condition, statement) in statements(role) {
            if is_network(condition, statement) {
                continue;
            }
            if many(&statement["Action"]).iter().any(|a| a.as_str().is_none_or(|a| a.contains('*')))
                || statement["Action"].is_null()
            {
                faults.push(format!("{id}: allows actions by wildcard"));
            }
            if many(&statement["Resource"]).iter().any(|r| r.to_string().contains('*'))
                || statement["Resource"].is_null()
            {
                faults.push(format!("{id}: allows something on resources by wildcard"));
            }
        }
    }
    faults
}

/// Every function may have interfaces in a VPC, and without a VPC none may.
pub(crate) fn every_role_may_use_the_network_with_a_vpc(template: &Value) -> Faults {
    let has = |role: &Value| statements(role).into_iter().any(|(condition, s)| is_network(condition, s));
    let without = functions(template).into_iter().filter(|(_, function)| {
        let role = target(&function["Role"]).unwrap_or_default();
        !has(&template["Resources"][role]["Properties"])
    });
    without.map(|(id, _)| format!("{id}: cannot have a network interface in a VPC")).collect()
}

/// A key is used by way of Secrets Manager alone, and only where one is given.
pub(crate) fn keys_open_secrets_and_nothing_else(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        for (condition, statement) in statements(role) {
            let actions = many(&statement["Action"]);
            if !actions.iter().any(|action| action.as_str().is_some_and(|a| a.starts_with("kms:"))) {
                continue;
            }
            let key = target(&statement["Resource"]).unwrap_or_default();
            let wanted = format!("Has{}", key.trim_end_matches("Arn"));
            if condition != Some(&wanted) || actions != [&Value::from("kms:Decrypt")] {
                faults.push(format!("{id}: does more with {key} than to decrypt, or without {wanted}"));
            }
            let via = &statement["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"];
            if via != "secretsmanager.${AWS::Region}.amazonaws.com" {
                faults.push(format!("{id}: uses {key} for something else than secrets"));
            }
        }
    }
    faults
}

/// What a function may touch is what its environment and its events name, and its log group.
pub(crate) fn permissions_match_the_environment(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let variables = function["Environment"]["Variables"].as_object().into_iter().flatten();
        let mut named: BTreeSet<_> = variables
            .filter(|(name, _)| name.ends_with("_ARN") || name.ends_with("_URL"))
            .filter_map(|(_, value)| target(value))
            .collect();
        named.extend(events(function, "SQS").into_iter().filter_map(|e| target(&e["Queue"])));
        named.extend(target(&function["LoggingConfig"]["LogGroup"]));
        for (_, mapping) in resources(template, "AWS::Lambda::EventSourceMapping") {
            if target(&mapping["FunctionName"]) == Some(id) {
                let failure = &mapping["DestinationConfig"]["Fn::If"][1]["OnFailure"]["Destination"];
                let logins = many(&mapping["SourceAccessConfigurations"]);
                named.extend(logins.into_iter().filter_map(|login| target(&login["URI"])));
                named.extend([&mapping["EventSourceArn"], failure].into_iter().filter_map(target));
            }
        }
        let keys = KEYS.iter().filter(|(secret, _)| named.contains(secret)).map(|(_, key)| *key);
        named.extend(keys.collect::<Vec<_>>());
        let role = &template["Resources"][target(&function["Role"]).unwrap_or_default()]["Properties"];
        // A resource that is no reference counts under no name, so that it is always a fault.
        let mentioned = statements(role)
            .into_iter()
            .filter(|(condition, statement)| !is_network(*condition, statement))
            .flat_map(|(_, statement)| many(&statement["Resource"]));
        let allowed: BTreeSet<_> = mentioned.map(|r| target(r).unwrap_or("something unnamed")).collect();
        faults.extend(named.difference(&allowed).map(|x| format!("{id}: is told of {x} and may not use it")));
        faults.extend(allowed.difference(&named).map(|x| format!("{id}: may use {x} and is not told of it")));
    }
    faults
}

/// What a role allows, with the condition that it stands under.
fn statements(role: &Value) -> Vec<(Option<&str>, &Value)> {
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

fn is_network(condition: Option<&str>, statement: &Value) -> bool {
    condition == Some("HasVpc")
        && statement["Resource"] == "*"
        && many(&statement["Action"]).into_iter().eq(&NETWORK.map(Value::from))
}
