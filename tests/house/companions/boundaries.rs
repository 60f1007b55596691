//! ops/account.yaml: the boundaries of the deploy role and of the functions that it makes.

use serde_json::{Value, json};

use super::{DEPLOY, actions, companion, holds, is_prefixed, policy, refused};
use crate::template::{
    checks::Faults,
    document::{many, resources, target, template},
};

/// Services whose resources have names, so that a boundary can tell environments apart.
const NAMED: [&str; 8] =
    ["cloudformation", "cloudwatch", "events", "lambda", "logs", "s3", "secretsmanager", "sqs"];
/// Statements of the boundary of functions that do not name the prefix, and why.
const WIDE: [(&str, &str); 5] = [
    ("Logins", "a database has an id that AWS makes, and a parameter names it"),
    ("Administrator", "RDS gives the secret its name; its tag names the database"),
    ("Keys", "a key has an id; it opens only secrets, which have names"),
    ("Texts", "a phone number has no ARN"),
    ("Lambda", "AWS offers these for all resources only"),
];
/// How many characters AWS allows in a managed policy, and in all inline policies of a role.
const LONGEST: [(&str, &str, usize); 3] = [
    ("FunctionsBoundary", "/PolicyDocument", 6_144),
    ("DeployBoundary", "/PolicyDocument", 6_144),
    ("DeployRole", "/Policies/0/PolicyDocument", 10_240),
];

/// The boundary of the deploy role holds for what somebody else attaches to it.
fn the_deploy_role_has_a_boundary(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let role = &stack["Resources"]["DeployRole"]["Properties"];
    if target(&role["PermissionsBoundary"]) != Some("DeployBoundary") {
        faults.push("DeployRole: has no boundary".to_owned());
    }
    let boundary = policy(&stack["Resources"]["DeployBoundary"]["Properties"]);
    let denies = |action: &str| {
        boundary.iter().any(|statement| statement["Effect"] == "Deny" && actions(statement).contains(&action))
    };
    for action in ["iam:*", "cloudformation:*", "secretsmanager:GetSecretValue"] {
        if !denies(action) {
            faults.push(format!("DeployBoundary: does not deny {action} where it must"));
        }
    }
    let allowed = boundary.iter().filter(|statement| statement["Effect"] == "Allow");
    for statement in allowed {
        if actions(statement).iter().any(|action| ["*", "iam:*"].contains(action)) {
            faults.push("DeployBoundary: allows everything".to_owned());
        }
        let is_of_named = |action: &&str| NAMED.iter().any(|service| *action == format!("{service}:*"));
        let is_narrow = many(&statement["Resource"]).into_iter().all(is_prefixed);
        if actions(statement).iter().any(is_of_named) && !is_narrow {
            faults.push("DeployBoundary: has room for other environments".to_owned());
        }
    }
    faults
}

/// The boundary of functions has room for their roles, and no right to give rights.
fn functions_have_a_boundary_with_room(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let boundary = policy(&stack["Resources"]["FunctionsBoundary"]["Properties"]);
    let most: Vec<&str> = boundary.iter().flat_map(|statement| actions(statement)).collect();
    faults.extend(
        most.iter()
            .filter(|action| action.contains('*') || action.starts_with("iam:") || action.starts_with("sts:"))
            .map(|action| format!("FunctionsBoundary: allows {action}")),
    );
    // The right to read one secret of RDS is no room for the others.
    let general = boundary.iter().filter(|statement| statement["Sid"] != "Administrator");
    let general: Vec<&str> = general.flat_map(|statement| actions(statement)).collect();
    let template = template();
    for (id, role) in resources(&template, "AWS::IAM::Role") {
        let needed = policy(role).into_iter().flat_map(actions);
        let missing = needed.filter(|action| !general.contains(action));
        faults.extend(missing.map(|action| format!("FunctionsBoundary: has no room for {action} of {id}")));
    }
    for statement in boundary {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        let is_narrow =
            !statement["Resource"].is_null() && many(&statement["Resource"]).into_iter().all(is_prefixed);
        if !is_narrow && !WIDE.iter().any(|(known, _)| *known == sid) {
            faults.push(format!("FunctionsBoundary, {sid}: has room for other environments"));
        }
    }
    faults
}

/// A token is for the one database that a parameter names, and for none without it.
fn functions_log_in_to_one_database(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, properties) in resources(stack, "AWS::IAM::ManagedPolicy") {
        for statement in many(&properties["PolicyDocument"]["Statement"]) {
            let [condition, inner] = [&statement["Fn::If"][0], &statement["Fn::If"][1]];
            let inner = if inner.is_null() { statement } else { inner };
            let allows = inner["Effect"] == "Allow"
                && actions(inner).iter().any(|action| action.starts_with("rds-db:") || *action == "*");
            let one = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${DatabaseResourceId}/*";
            let is_one = inner["Resource"] == json!({ "Fn::Sub": one });
            if allows && !(is_one && condition == "HasDatabaseTokens") {
                faults.push(format!("{id}: logs in to other databases"));
            }
        }
    }
    let is_named = json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "DatabaseResourceId" }, ""] }] });
    if stack["Conditions"]["HasDatabaseTokens"] != is_named {
        faults.push("HasDatabaseTokens: does not say that DatabaseResourceId is set".to_owned());
    }
    faults
}

/// Policies have room, also with the longest prefix and the longest names of regions.
fn policies_fit(stack: &Value) -> Faults {
    let length = stack["Parameters"]["StackPrefix"]["AllowedPattern"].as_str().unwrap_or_default();
    assert!(length.ends_with("{1,41}$"), "StackPrefix has another length: {length}");
    let longest = [
        ("${StackPrefix}", 42),
        ("${AWS::StackName}", 128),
        ("${DatabaseResourceId}", 29),
        ("${AWS::Partition}", "aws-us-gov".len()),
        ("${AWS::Region}", "ap-southeast-1".len()),
        ("${AWS::AccountId}", 12),
    ];
    let mut faults = Faults::new();
    for (id, place, most) in LONGEST {
        let policy = stack["Resources"][id]["Properties"].pointer(place).expect("a policy");
        let text = longest
            .iter()
            .fold(policy.to_string(), |text, (name, length)| text.replace(name, &"x".repeat(*length)));
        // The long form of a function of CloudFormation is a few characters longer than its value.
        if text.len() > most {
            faults.push(format!("{id}: has {} of {most} characters", text.len()));
        }
    }
    faults
}

#[test]
fn the_deploy_role_cannot_outgrow_its_boundary() {
    let check = the_deploy_role_has_a_boundary;
    holds(check, "account");
    let boundary = format!("{DEPLOY}/PermissionsBoundary");
    refused(check, "account", &boundary, Value::Null, "DeployRole: has no boundary");
    let first = "/Resources/DeployBoundary/Properties/PolicyDocument/Statement/0/Action";
    refused(check, "account", first, json!("*"), "DeployBoundary: allows everything");
    let last = "/Resources/DeployBoundary/Properties/PolicyDocument/Statement/3/Effect";
    let fault = "DeployBoundary: does not deny secretsmanager:GetSecretValue where it must";
    refused(check, "account", last, json!("Allow"), fault);
}

#[test]
fn the_boundary_of_functions_has_room_for_their_roles_and_for_nothing_else() {
    let check = functions_have_a_boundary_with_room;
    holds(check, "account");
    let actions = "/Resources/FunctionsBoundary/Properties/PolicyDocument/Statement/1/Action";
    let wide = json!(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "iam:PutRolePolicy"]);
    refused(check, "account", actions, wide, "FunctionsBoundary: allows iam:PutRolePolicy");
    let mut narrow = companion("account");
    *narrow.pointer_mut(actions).expect("the actions") = json!([]);
    let fault = "FunctionsBoundary: has no room for secretsmanager:GetSecretValue of MigrateRole";
    assert!(check(&narrow).contains(&fault.to_owned()), "{:?}", check(&narrow));
}

#[test]
fn a_boundary_has_no_room_for_other_environments() {
    let deploy = "/Resources/DeployBoundary/Properties/PolicyDocument/Statement/0/Resource";
    let fault = "DeployBoundary: has room for other environments";
    refused(the_deploy_role_has_a_boundary, "account", deploy, json!("*"), fault);
    let check = functions_have_a_boundary_with_room;
    let secrets = "/Resources/FunctionsBoundary/Properties/PolicyDocument/Statement/1/Resource";
    let all = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*";
    let fault = "FunctionsBoundary, Secrets: has room for other environments";
    refused(check, "account", secrets, json!({ "Fn::Sub": all }), fault);
}

#[test]
fn a_boundary_opens_one_database() {
    let check = functions_log_in_to_one_database;
    holds(check, "account");
    let stack = companion("account");
    let boundary = "/Resources/FunctionsBoundary/Properties/PolicyDocument/Statement";
    let list = stack.pointer(boundary).and_then(Value::as_array).expect("statements");
    let place = list.iter().position(|one| one["Fn::If"][1]["Sid"] == "Logins").expect("the statement");
    let fault = "FunctionsBoundary: logs in to other databases";
    let resource = format!("{boundary}/{place}/Fn::If/1/Resource/Fn::Sub");
    let all = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:*";
    refused(check, "account", &resource, json!(all), fault);
    refused(check, "account", &format!("{boundary}/{place}/Fn::If/0"), json!("SetsLogRole"), fault);
    let fault = "HasDatabaseTokens: does not say that DatabaseResourceId is set";
    refused(check, "account", "/Conditions/HasDatabaseTokens", json!({ "Condition": "SetsLogRole" }), fault);
}

#[test]
fn policies_are_short_enough_for_aws() {
    let check = policies_fit;
    holds(check, "account");
    let actions = "/Resources/FunctionsBoundary/Properties/PolicyDocument/Statement/1/Action";
    let many = json!(vec!["secretsmanager:GetSecretValue"; 200]);
    let mut long = companion("account");
    *long.pointer_mut(actions).expect("the actions") = many;
    assert!(check(&long)[0].starts_with("FunctionsBoundary: has "), "{:?}", check(&long));
}
