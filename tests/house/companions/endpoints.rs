//! ops/network.yaml: what its interface endpoints let through.

use serde_json::{Value, json};

use super::{actions, holds, refused, statements};
use crate::template::{
    checks::Faults,
    document::{many, resources},
};

/// Returns the services that have an interface endpoint with their usual names.
pub(super) fn services(stack: &Value) -> Vec<&str> {
    let endpoints = resources(stack, "AWS::EC2::VPCEndpoint").into_iter();
    let named = endpoints.filter(|(_, endpoint)| endpoint["PrivateDnsEnabled"] == true);
    named
        .filter_map(|(_, endpoint)| {
            endpoint["ServiceName"]["Fn::Sub"].as_str()?.strip_prefix("com.amazonaws.${AWS::Region}.")
        })
        .collect()
}

const TOPICS: &str = "arn:${AWS::Partition}:sns:*:*:*";

/// What goes through the endpoint of SQS: the functions, and `cargo xtask queue` on a host in the network.
const QUEUES: [(&str, &[&str]); 2] = [
    ("functions", &["sqs:SendMessage", "sqs:GetQueueAttributes"]),
    (
        "`cargo xtask queue`",
        &[
            "sqs:SendMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
        ],
    ),
];

/// The endpoint of SQS lets through what is sent from this network.
fn queues_are_reached(stack: &Value) -> Faults {
    let endpoint = &stack["Resources"]["QueuesEndpoint"]["Properties"]["PolicyDocument"];
    let allowed: Vec<&str> = statements(endpoint).into_iter().flat_map(actions).collect();
    let missing = |(who, needed): (&str, &[&'static str])| -> Faults {
        let missing = needed.iter().filter(|action| !allowed.contains(action));
        missing.map(|action| format!("QueuesEndpoint: stops {action} of {who}")).collect()
    };
    QUEUES.into_iter().flat_map(missing).collect()
}

/// Text messages have a way out of the network, if their owner wants one.
fn text_messages_have_a_way(stack: &Value) -> Faults {
    let endpoint = &stack["Resources"]["SmsEndpointOfSns"];
    let is_optional = endpoint["Condition"] == "HasSmsEndpoint"
        && stack["Conditions"]["HasSmsEndpoint"]
            == json!({ "Fn::Equals": [{ "Ref": "SmsEndpoint" }, "true"] });
    let has_group = many(&stack["Conditions"]["HasAnyEndpoint"]["Fn::Or"])
        .contains(&&json!({ "Condition": "HasSmsEndpoint" }));
    if is_optional && has_group && services(stack).contains(&"sns") {
        Faults::new()
    } else {
        vec!["SNS is not reached by its endpoint".to_owned()]
    }
}

/// What a function reads and sends goes to this account, also if somebody else writes the function's code.
fn endpoints_serve_this_account(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for service in ["secretsmanager", "sqs"] {
        if !services(stack).contains(&service) {
            faults.push(format!("{service}: has no endpoint with its usual name"));
        }
    }
    let account = json!({ "Ref": "AWS::AccountId" });
    for (id, endpoint) in resources(stack, "AWS::EC2::VPCEndpoint") {
        for statement in statements(&endpoint["PolicyDocument"]) {
            let is = |key: &str| statement["Condition"]["StringEquals"][key] == account;
            // The one is about no resource, and the other about phone numbers, which have no account.
            let is_own = is("aws:ResourceAccount")
                || actions(statement) == ["secretsmanager:GetRandomPassword"]
                || (actions(statement) == ["sns:Publish"] && statement["NotResource"]["Fn::Sub"] == TOPICS);
            if !is("aws:PrincipalAccount") || !is_own {
                let what = actions(statement).join(", ");
                faults.push(format!("{id}: allows {what} in other accounts"));
            }
        }
    }
    faults
}

#[test]
fn an_endpoint_serves_this_account_alone() {
    let check = endpoints_serve_this_account;
    holds(check, "network");
    let condition = "/Resources/QueuesEndpoint/Properties/PolicyDocument/Statement/0/Condition";
    let fault = "QueuesEndpoint: allows sqs:SendMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage, \
                 sqs:DeleteMessage, sqs:ChangeMessageVisibility in other accounts";
    refused(check, "network", condition, Value::Null, fault);
    let service = "/Resources/SecretsEndpoint/Properties/PrivateDnsEnabled";
    refused(check, "network", service, json!(false), "secretsmanager: has no endpoint with its usual name");
    let topics = "/Resources/SmsEndpointOfSns/Properties/PolicyDocument/Statement/0/NotResource";
    let fault = "SmsEndpointOfSns: allows sns:Publish in other accounts";
    refused(check, "network", topics, Value::Null, fault);
}

#[test]
fn the_endpoint_of_queues_lets_through_what_is_sent_from_here() {
    let check = queues_are_reached;
    holds(check, "network");
    let action = "/Resources/QueuesEndpoint/Properties/PolicyDocument/Statement/0/Action/2";
    let fault = "QueuesEndpoint: stops sqs:ReceiveMessage of `cargo xtask queue`";
    refused(check, "network", action, json!("sqs:ListQueues"), fault);
}

#[test]
fn text_messages_can_leave_the_network() {
    let check = text_messages_have_a_way;
    holds(check, "network");
    let fault = "SNS is not reached by its endpoint";
    let endpoint = "/Resources/SmsEndpointOfSns";
    let dns = format!("{endpoint}/Properties/PrivateDnsEnabled");
    refused(check, "network", &dns, json!(false), fault);
    refused(check, "network", &format!("{endpoint}/Condition"), json!("HasEndpoints"), fault);
    let group = "/Conditions/HasAnyEndpoint/Fn::Or/2";
    refused(check, "network", group, json!({ "Condition": "HasEndpoints" }), fault);
}
