//! ops/account.yaml: what a deployment may do, and what it may not.

use serde_json::{Value, json};

use super::{actions, companion, holds, is_prefixed, place, policy, refused};
use crate::template::{
    checks::Faults,
    document::{many, resources, template},
};

/// What a role may be given: with these, a deployment could give itself all rights.
const GIVES_RIGHTS: [&str; 4] =
    ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"];

/// What follows the stack's name in the name of a secret of the main template.
const KEYS: &str = "-key-";

/// Services whose resources have names that begin with the stack's.
const NAMED: [&str; 9] =
    ["cloudformation", "cloudwatch", "events", "iam", "lambda", "logs", "s3", "secretsmanager", "sqs"];
/// Statements about such a service that do not name the prefix, and why.
const UNNAMED: [(&str, &str); 4] = [
    ("ArchivesStack", "the stack of SAM's bucket; only looked at"),
    ("ArchivesBucket", "SAM's bucket, which all environments share; only listed"),
    ("EventSourcesSeen", "a mapping has an id; who looks at one or tags one changes nothing that it does"),
    ("Questions", "about no resource"),
];

/// A deployment names what it does, and gives nobody rights beyond the boundary.
fn a_deployment_cannot_give_rights(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let role = &stack["Resources"]["DeployRole"]["Properties"];
    for statement in policy(role) {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        let mut check = |holds: bool, fault: &str| {
            if !holds {
                faults.push(format!("DeployRole, {sid}: {fault}"));
            }
        };
        let actions = actions(statement);
        check(!actions.is_empty() && actions.iter().all(|a| !a.contains('*')), "allows actions by wildcard");
        let is_read =
            |action: &&str| ["Describe", "Get"].iter().any(|verb| action.contains(&format!(":{verb}")));
        let is_everything = statement["Resource"] == "*" || statement["Resource"].is_null();
        let is_of_our_functions = is_prefixed(&statement["Condition"]["ArnLike"]["lambda:FunctionArn"]);
        check(
            !is_everything || is_of_our_functions || actions.iter().all(is_read),
            "changes things by wildcard",
        );
        let bound = &statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"]["Ref"];
        let gives = actions.iter().any(|action| GIVES_RIGHTS.contains(action));
        check(!gives || bound == "FunctionsBoundary", "makes roles without the boundary");
        let passed = &statement["Condition"]["StringEquals"]["iam:PassedToService"];
        check(
            !actions.contains(&"iam:PassRole") || passed == "lambda.amazonaws.com",
            "passes roles to any service",
        );
        let is_harmful = |action: &&str| {
            [
                "iam:DeleteRolePermissionsBoundary",
                "iam:UpdateAssumeRolePolicy",
                "secretsmanager:GetSecretValue",
            ]
            .contains(action)
        };
        check(!actions.iter().any(is_harmful), "takes a boundary off, or reads a secret");
    }
    faults
}

/// The role of one environment does not reach another one: what has a name is named by the prefix.
fn a_deployment_stays_in_its_environment(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for statement in policy(&stack["Resources"]["DeployRole"]["Properties"]) {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        let is_named = |action: &&str| NAMED.contains(&action.split(':').next().unwrap_or_default());
        if !actions(statement).iter().any(is_named) || UNNAMED.iter().any(|(known, _)| *known == sid) {
            continue;
        }
        let transform = |resource: &Value| {
            resource["Fn::Sub"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(":aws:transform/Serverless-2016-10-31"))
        };
        let by_function = is_prefixed(&statement["Condition"]["ArnLike"]["lambda:FunctionArn"]);
        let is_ours = |resource: &Value| is_prefixed(resource) || by_function || transform(resource);
        let resources = many(&statement["Resource"]);
        if resources.is_empty() || !resources.into_iter().all(is_ours) {
            faults.push(format!("DeployRole, {sid}: reaches other environments"));
        }
    }
    faults
}

/// The deploy role makes the keys of the main template, and touches no login of the database.
fn secrets_tell_whose_they_are(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let statements = policy(&stack["Resources"]["DeployRole"]["Properties"]);
    let about = |statement: &&&Value| actions(statement).contains(&"secretsmanager:UpdateSecret");
    let resources_of: Vec<_> =
        statements.iter().filter(about).map(|one| &one["Resource"]["Fn::Sub"]).collect();
    let end = format!(":secret:${{StackPrefix}}*{KEYS}*");
    if resources_of.is_empty()
        || !resources_of.iter().all(|arn| arn.as_str().is_some_and(|arn| arn.ends_with(&end)))
    {
        faults.push(format!("DeployRole: may change secrets without {KEYS} in their names"));
    }
    let name = |secret: &Value| {
        let name = secret["Name"]["Fn::Sub"].as_str().and_then(|name| name.strip_prefix("${AWS::StackName}"));
        name.map(str::to_owned)
    };
    for (id, secret) in resources(&template(), "AWS::SecretsManager::Secret") {
        if !name(secret).is_some_and(|rest| rest.starts_with(KEYS)) {
            faults.push(format!("{id}: the deploy role may not make a secret of this name"));
        }
    }
    for (id, secret) in resources(&companion("database"), "AWS::SecretsManager::Secret") {
        if !name(secret).is_some_and(|rest| rest.starts_with('-') && !rest.contains(KEYS)) {
            faults.push(format!("{id}: functions may not read it, or the deploy role may change it"));
        }
    }
    faults
}

#[test]
fn a_deployment_gives_nobody_more_rights_than_the_boundary() {
    let check = a_deployment_cannot_give_rights;
    holds(check, "account");
    let roles = place("Roles");
    let fault = "DeployRole, Roles: allows actions by wildcard";
    refused(check, "account", &format!("{roles}/Action"), json!("iam:*"), fault);
    let fault = "DeployRole, Roles: makes roles without the boundary";
    refused(check, "account", &format!("{roles}/Action"), json!(["iam:PutRolePolicy"]), fault);
    let fault = "DeployRole, Roles: takes a boundary off, or reads a secret";
    let take_off = json!(["iam:DeleteRolePermissionsBoundary"]);
    refused(check, "account", &format!("{roles}/Action"), take_off, fault);
    let fault = "DeployRole, RolesWithBoundary: makes roles without the boundary";
    let condition = format!("{}/Condition", place("RolesWithBoundary"));
    refused(check, "account", &condition, Value::Null, fault);
    let fault = "DeployRole, PassRoles: passes roles to any service";
    refused(check, "account", &format!("{}/Condition", place("PassRoles")), Value::Null, fault);
    let fault = "DeployRole, Functions: changes things by wildcard";
    refused(check, "account", &format!("{}/Resource", place("Functions")), json!("*"), fault);
    let fault = "DeployRole, Secrets: takes a boundary off, or reads a secret";
    let read = json!(["secretsmanager:GetSecretValue"]);
    refused(check, "account", &format!("{}/Action", place("Secrets")), read, fault);
}

#[test]
fn a_deployment_reaches_no_other_environment() {
    let check = a_deployment_stays_in_its_environment;
    holds(check, "account");
    let all = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*";
    for (sid, resource) in [
        ("Secrets", json!({ "Fn::Sub": all })),
        ("Queues", json!("*")),
        ("Archives", json!({ "Fn::Sub": "arn:${AWS::Partition}:s3:::aws-sam-cli-managed-default-*/*" })),
    ] {
        let fault = format!("DeployRole, {sid}: reaches other environments");
        refused(check, "account", &format!("{}/Resource", place(sid)), resource, &fault);
    }
    let fault = "DeployRole, EventSources: reaches other environments";
    refused(check, "account", &format!("{}/Condition", place("EventSources")), Value::Null, fault);
}

#[test]
fn a_deployment_changes_no_login() {
    let check = secrets_tell_whose_they_are;
    holds(check, "account");
    let resource = format!("{}/Resource/Fn::Sub", place("Secrets"));
    let wide =
        json!("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${StackPrefix}*");
    refused(check, "account", &resource, wide, "DeployRole: may change secrets without -key- in their names");
}
