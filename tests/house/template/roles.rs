//! The rules that all roles of functions keep: their log, their network, no wildcard. [`permissions`](super::permissions)
//! has what a role allows because of its function's environment.

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{functions, many, resources, target},
    statements::{acting, group, is_log, is_network, is_text, is_tracing, statements},
};

/// The one managed policy. Lambda's pollers ask MSK for its brokers, which AWS offers for all clusters only.
const MSK: &str = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaMSKExecutionRole";

/// What a function does with its log group. Nobody may make a group, because it would keep its lines for ever.
const LOG: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// How many functions share a role at most: its policies are limited to 10,240 characters.
const MOST: usize = 15;

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

/// No statement allows everything, but for the network of a function in a VPC, and its spans. The one managed policy comes
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
            if [is_network, is_text, is_tracing].iter().any(|is_known| is_known(condition, statement)) {
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

/// Every role can have the boundary without which a workflow may make no role.
pub(crate) fn every_role_can_have_a_boundary(template: &Value) -> Faults {
    let boundary = json!({ "Ref": "PermissionsBoundaryArn" });
    let wanted = json!({ "Fn::If": ["HasPermissionsBoundary", boundary, { "Ref": "AWS::NoValue" }] });
    let roles = resources(template, "AWS::IAM::Role").into_iter();
    let without = roles.filter(|(_, role)| role["PermissionsBoundary"] != wanted);
    without.map(|(id, _)| format!("{id}: cannot have a permissions boundary")).collect()
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
