//! ops/account.yaml: who may deploy, and who hears of alarms and costs.

use regex_lite::Regex;
use serde_json::{Value, json};

use super::{DEPLOY, holds, refused, statements};
use crate::template::{
    checks::Faults,
    document::{many, resources, target},
};

/// How the tokens of GitHub name a repository, before and since July 2026.
const REPOSITORIES: [&str; 3] = ["octo-org/api", "octo_org/api.v2", "octo-org@65/api.v2@130021"];
/// Names that would believe more than one repository, or none.
const NO_REPOSITORIES: [&str; 6] = [
    "octo-org",
    "octo-org/*",
    "octo-org@65/api",
    "octo-org/api@130021",
    "octo-org@*/api@*",
    "o/a:ref:refs/heads/x",
];

/// A workflow is believed if it is of one repository and in one environment.
fn github_is_believed_for_one_environment(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, role) in resources(stack, "AWS::IAM::Role") {
        for statement in statements(&role["AssumeRolePolicyDocument"]) {
            if statement["Principal"]["Federated"].is_null() {
                continue;
            }
            let is = |key: &str, value: Value| {
                let key = format!("token.actions.githubusercontent.com:{key}");
                statement["Condition"]["StringEquals"][key] == value
            };
            let sub = json!({ "Fn::Sub": "repo:${Repository}:environment:${DeployEnvironment}" });
            if !is("sub", sub) {
                faults.push(format!("{id}: believes workflows of other repositories or environments"));
            }
            if !is("aud", json!("sts.amazonaws.com")) {
                faults.push(format!("{id}: believes tokens that are for somebody else"));
            }
        }
    }
    let pattern = stack["Parameters"]["Repository"]["AllowedPattern"].as_str().unwrap_or_default();
    let pattern = Regex::new(pattern).expect("a pattern");
    let refused = REPOSITORIES.into_iter().filter(|name| !pattern.is_match(name));
    faults.extend(refused.map(|name| format!("Repository: refuses {name}")));
    let believed = NO_REPOSITORIES.into_iter().filter(|name| pattern.is_match(name));
    faults.extend(believed.map(|name| format!("Repository: believes {name}")));
    faults
}

/// Alarms and costs reach a person, and only this account may publish them.
fn a_person_hears_of_it(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    let resources = &stack["Resources"];
    let email = json!({ "Ref": "AlarmEmail" });
    let subscription = &resources["AlarmMail"]["Properties"];
    if target(&subscription["TopicArn"]) != Some("AlarmTopic") || subscription["Endpoint"] != email {
        faults.push("AlarmTopic: nobody hears of an alarm".to_owned());
    }
    let account = json!({ "Ref": "AWS::AccountId" });
    for statement in statements(&resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]) {
        if statement["Condition"]["StringEquals"]["aws:SourceAccount"] != account {
            faults.push("AlarmTopicPolicy: lets other accounts publish".to_owned());
        }
    }
    let notifications = many(&resources["Budget"]["Properties"]["NotificationsWithSubscribers"]);
    let hears = |kind: &str| {
        let reaches = |one: &&Value| one["Subscribers"][0]["Address"] == email;
        notifications.iter().any(|one| one["Notification"]["NotificationType"] == kind && reaches(one))
    };
    for kind in ["ACTUAL", "FORECASTED"] {
        if !hears(kind) {
            faults.push(format!("Budget: nobody hears of costs that are {kind}"));
        }
    }
    faults
}

#[test]
fn only_one_environment_of_one_repository_deploys() {
    let check = github_is_believed_for_one_environment;
    holds(check, "account");
    let condition = format!("{DEPLOY}/AssumeRolePolicyDocument/Statement/0/Condition/StringEquals");
    let sub = format!("{condition}/token.actions.githubusercontent.com:sub");
    let fault = "DeployRole: believes workflows of other repositories or environments";
    refused(check, "account", &sub, Value::Null, fault);
    refused(check, "account", &sub, json!({ "Fn::Sub": "repo:${Repository}:*" }), fault);
    let aud = format!("{condition}/token.actions.githubusercontent.com:aud");
    let fault = "DeployRole: believes tokens that are for somebody else";
    refused(check, "account", &aud, Value::Null, fault);
    let pattern = "/Parameters/Repository/AllowedPattern";
    let without_ids = json!("^[A-Za-z0-9_-]+/[A-Za-z0-9._-]+$");
    let fault = "Repository: refuses octo-org@65/api.v2@130021";
    refused(check, "account", pattern, without_ids, fault);
    let half = json!("^[A-Za-z0-9_-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$");
    let mut broken = super::companion("account");
    *broken.pointer_mut(pattern).expect("the pattern") = half;
    assert_eq!(
        check(&broken),
        ["Repository: believes octo-org@65/api", "Repository: believes octo-org/api@130021"]
    );
}

#[test]
fn a_person_hears_of_alarms_and_costs() {
    let check = a_person_hears_of_it;
    holds(check, "account");
    let subscription = "/Resources/AlarmMail/Properties/Endpoint";
    refused(check, "account", subscription, json!("x"), "AlarmTopic: nobody hears of an alarm");
    let condition = "/Resources/AlarmTopicPolicy/Properties/PolicyDocument/Statement/0/Condition";
    refused(check, "account", condition, Value::Null, "AlarmTopicPolicy: lets other accounts publish");
    let subscribers = "/Resources/Budget/Properties/NotificationsWithSubscribers/0/Subscribers";
    refused(check, "account", subscribers, json!([]), "Budget: nobody hears of costs that are ACTUAL");
}
