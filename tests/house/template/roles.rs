//! The rules of the functions' roles: each role allows what its function is told of, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

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

/// What a function does with its log group. Nobody may make a group, because it would keep its lines for ever.
const LOG: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// It shows the state of the queue and sends nothing.
const ONLY_ASKS: &str = "DebugHealthCheckFunction";

/// How many functions share a role at most: its policies are limited to 10,240 characters.
const MOST: usize = 20;

/// Every function has a role of this template: one that SAM makes may read every queue of the account.
pub(crate) fn every_function_has_a_role(template: &Value) -> Faults {
    let role = |function: &Value| target(&function["Role"]).unwrap_or_default().to_owned();
    let is_role = |id: &str| template["Resources"][id]["Type"] == "AWS::IAM::Role";
    let without = functions(template).into_iter().filter(|(_, function)| !is_role(&role(function)));
    without.map(|(id, _)| format!("{id}: has no role in this template")).collect()
}

/// Functions with equal rights share a role, and no role is without a function.
pub(crate) fn equal_rights_are_one_role(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let mut seen = Vec::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        let count = functions(template).iter().filter(|(_, f)| target(&f["Role"]) == Some(id)).count();
        if count == 0 {
            faults.push(format!("{id}: no function has this role"));
        }
        let shared = statements(role).into_iter().filter(|(_, statement)| !is_log(statement));
        let rights = (shared.collect::<Vec<_>>(), &role["ManagedPolicyArns"]);
        // A full role has a second one next to it.
        let is_twin = |(_, others, other): &&(_, usize, _)| *other == rights && count.max(*others) < MOST;
        let twin = seen.iter().find(is_twin);
        if let Some((other, ..)) = twin {
            faults.push(format!("{id}: allows the same as {other}, so one of the two is enough"));
        }
        seen.push((id, count, rights));
    }
    faults
}

/// A function writes its own log group and no other, although others have the same role.
pub(crate) fn every_function_writes_its_own_log(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let functions = functions(template);
    let owns = |id: &str, function: &Value, statement: &Value| {
        function["FunctionName"]["Fn::Sub"].as_str().is_some_and(|name| acting(statement) == Some(name))
            && many(&statement["Resource"]) == [&json!({ "Fn::GetAtt": [group(function), "Arn"] })]
            && many(&statement["Action"]).into_iter().eq(&LOG.map(Value::from))
            && target(&function["Role"]) == Some(id)
    };
    for (id, role) in resources(template, "AWS::IAM::Role") {
        for (_, statement) in statements(role).into_iter().filter(|(_, statement)| is_log(statement)) {
            if !functions.iter().any(|(_, function)| owns(id, function, statement)) {
                let groups: Vec<_> = many(&statement["Resource"]).into_iter().filter_map(target).collect();
                faults.push(format!("{id}: {} is not for its own function alone", groups.join(", ")));
            }
        }
    }
    for (id, function) in functions {
        let role = target(&function["Role"]).unwrap_or_default();
        let rights = statements(&template["Resources"][role]["Properties"]);
        if !rights.into_iter().any(|(_, statement)| owns(role, function, statement)) {
            faults.push(format!("{id}: may not write its log"));
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
            .filter(|(name, _)| name.ends_with("_ARN") || name.ends_with("_QUEUE_URL"))
            .filter_map(|(_, value)| target(value))
            .collect();
        named.extend(events(function, "SQS").into_iter().filter_map(|e| target(&e["Queue"])));
        named.insert(group(function));
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
        // A resource that is no reference counts under no name, so that it is always a fault.
        let rights = rights(template, function);
        let mentioned = rights.into_iter().flat_map(|statement| many(&statement["Resource"]));
        let allowed: BTreeSet<_> = mentioned.map(|r| target(r).unwrap_or("something unnamed")).collect();
        faults.extend(named.difference(&allowed).map(|x| format!("{id}: is told of {x} and may not use it")));
        faults.extend(allowed.difference(&named).map(|x| format!("{id}: may use {x} and is not told of it")));
    }
    faults
}

/// A function may do with a queue what it does with it, and no more.
pub(crate) fn queue_rights_fit_their_use(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let invoking: Vec<_> =
            events(function, "SQS").into_iter().filter_map(|e| target(&e["Queue"])).collect();
        let variables = function["Environment"]["Variables"].as_object().into_iter().flatten();
        let named: Vec<_> = variables.filter_map(|(_, value)| target(value)).collect();
        for (queue, _) in resources(template, "AWS::SQS::Queue") {
            let on_queue = |statement: &&Value| {
                many(&statement["Resource"]).into_iter().any(|r| target(r) == Some(queue))
            };
            let rights = rights(template, function).into_iter().filter(on_queue);
            let allowed: BTreeSet<_> =
                rights.flat_map(|statement| many(&statement["Action"])).filter_map(Value::as_str).collect();
            let receives = invoking.contains(&queue);
            let sends = named.contains(&queue) && id != ONLY_ASKS;
            let fits = |action: &str| match action {
                "sqs:ReceiveMessage" | "sqs:DeleteMessage" => receives,
                "sqs:SendMessage" => sends,
                // A sender may open its connection with it, before it has something to send.
                "sqs:GetQueueAttributes" => receives || named.contains(&queue),
                _ => false,
            };
            let needed = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage"];
            let needed = needed.into_iter().filter(|action| fits(action));
            let needed = needed.chain((receives || id == ONLY_ASKS).then_some("sqs:GetQueueAttributes"));
            let needed: BTreeSet<_> = needed.filter(|action| fits(action)).collect();
            faults.extend(needed.difference(&allowed).map(|a| format!("{id}: lacks {a} on {queue}")));
            let excess = allowed.iter().filter(|action| !fits(action));
            faults.extend(excess.map(|a| format!("{id}: has {a} on {queue} and does not need it")));
        }
    }
    faults
}

/// Returns what a function may do, apart from its network: what its role allows to all of its functions, and
/// to this one.
fn rights<'a>(template: &'a Value, function: &'a Value) -> Vec<&'a Value> {
    let role = &template["Resources"][target(&function["Role"]).unwrap_or_default()]["Properties"];
    let is_its =
        |statement: &Value| acting(statement).is_none_or(|name| function["FunctionName"]["Fn::Sub"] == name);
    let all = statements(role).into_iter();
    let all = all.filter(|(condition, statement)| !is_network(*condition, statement) && is_its(statement));
    all.map(|(_, statement)| statement).collect()
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

fn is_log(statement: &Value) -> bool {
    many(&statement["Action"]).iter().any(|action| action.as_str().is_some_and(|a| a.starts_with("logs:")))
}

/// Returns the log group of a function.
fn group(function: &Value) -> &str {
    target(&function["LoggingConfig"]["LogGroup"]).unwrap_or_default()
}

/// Returns the name of the only function that a statement is for.
fn acting(statement: &Value) -> Option<&str> {
    let arn = &statement["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]["Fn::Sub"];
    arn.as_str()?.strip_prefix("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:")
}
