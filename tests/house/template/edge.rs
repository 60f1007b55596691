//! What stands before the APIs, and what outlives the stack: the domain, the firewall, secrets and dead letters.

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{resources, target, template},
    gateway, holds, refused,
};

/// Every API has a place below the domain, and can lose its own address.
fn apis_are_below_the_domain(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, api) in resources(template, "AWS::Serverless::Api") {
        let is_below = |(name, mapping): &(&str, &Value)| {
            target(&mapping["RestApiId"]) == Some(id)
                && mapping["Stage"]["Ref"] == format!("{id}.Stage")
                && template["Resources"][name]["Condition"] == "HasDomain"
        };
        if !resources(template, "AWS::ApiGateway::BasePathMapping").iter().any(is_below) {
            faults.push(format!("{id}: is not below the domain"));
        }
        if api["DisableExecuteApiEndpoint"] != json!({ "Fn::If": ["HasNoExecuteApi", true, false] }) {
            faults.push(format!("{id}: keeps its own address with DisableExecuteApiEndpoint"));
        }
    }
    faults
}

/// A firewall before one API only would send everybody to the other one.
fn apis_are_behind_the_firewall(template: &Value) -> Faults {
    let apis = resources(template, "AWS::Serverless::Api").into_iter().map(|(id, _)| id);
    let is_before = |id: &str| {
        let stage = format!("/restapis/${{{id}}}/stages/${{{id}.Stage}}");
        let arn = format!("arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}::{stage}");
        resources(template, "AWS::WAFv2::WebACLAssociation").iter().any(|(name, association)| {
            association["ResourceArn"]["Fn::Sub"] == arn
                && association["WebACLArn"]["Ref"] == "WebAclArn"
                && template["Resources"][name]["Condition"] == "HasWebAcl"
        })
    };
    apis.filter(|id| !is_before(id)).map(|id| format!("{id}: is not behind the web ACL")).collect()
}

/// What nobody can make again outlives the stack. A stack that never came up leaves nothing.
fn what_cannot_be_made_again_is_kept(template: &Value) -> Faults {
    let queues = resources(template, "AWS::SQS::Queue");
    let dead = queues.iter().filter_map(|(_, queue)| target(&queue["RedrivePolicy"]["deadLetterTargetArn"]));
    let secrets = resources(template, "AWS::SecretsManager::Secret").into_iter().map(|(id, _)| id);
    let is_kept = |id: &str| {
        let resource = &template["Resources"][id];
        resource["DeletionPolicy"] == "RetainExceptOnCreate" && resource["UpdateReplacePolicy"] == "Retain"
    };
    let lost = secrets.chain(dead).filter(|id| !is_kept(id));
    lost.map(|id| format!("{id}: is deleted with the stack")).collect()
}

/// The secrets that the stack makes can have a customer's key.
fn own_secrets_can_have_a_key(template: &Value) -> Faults {
    let key = json!({ "Fn::If": ["HasSecretsKey", { "Ref": "SecretsKeyArn" }, { "Ref": "AWS::NoValue" }] });
    let without = resources(template, "AWS::SecretsManager::Secret").into_iter();
    let without = without.filter(|(_, secret)| secret["KmsKeyId"] != key);
    without.map(|(id, _)| format!("{id}: cannot have the key of SecretsKeyArn")).collect()
}

#[test]
fn every_api_has_a_place_below_the_domain() {
    let check = apis_are_below_the_domain;
    holds(&check(&template()));
    for (api, mapping) in [("Api", "DomainApi"), ("GrpcApi", "DomainGrpcApi")] {
        let fault = format!("{api}: is not below the domain");
        refused(check, &format!("/Resources/{mapping}/Condition"), json!("HasVpc"), &fault);
        refused(check, &format!("/Resources/{mapping}/Properties/Stage"), json!("v1"), &fault);
        let endpoint = format!("/Resources/{api}/Properties/DisableExecuteApiEndpoint");
        let fault = format!("{api}: keeps its own address with DisableExecuteApiEndpoint");
        refused(check, &endpoint, json!(false), &fault);
    }
}

#[test]
fn the_domain_refuses_old_tls() {
    let domain = "/Resources/Domain/Properties";
    let fault = "Domain: accepts TLS that has no forward secrecy or is older than 1.2";
    let policy = format!("{domain}/SecurityPolicy");
    refused(gateway::apis_refuse_old_tls, &policy, json!("TLS_1_0"), fault);
    let fault = "Domain: has no EndpointAccessMode, which AWS wants with its SecurityPolicy";
    let mode = format!("{domain}/EndpointAccessMode");
    refused(gateway::apis_refuse_old_tls, &mode, Value::Null, fault);
}

#[test]
fn every_api_is_behind_the_firewall() {
    let check = apis_are_behind_the_firewall;
    holds(&check(&template()));
    for (api, association) in [("Api", "ApiWebAcl"), ("GrpcApi", "GrpcApiWebAcl")] {
        let fault = format!("{api}: is not behind the web ACL");
        refused(check, &format!("/Resources/{association}/Condition"), json!("HasDomain"), &fault);
        let resource = format!("/Resources/{association}/Properties/ResourceArn");
        refused(check, &resource, json!("arn"), &fault);
    }
}

#[test]
fn secrets_and_dead_letters_outlive_the_stack() {
    let check = what_cannot_be_made_again_is_kept;
    holds(&check(&template()));
    for id in ["HmacSecret", "ChallengeSecret", "JwtSecret", "MailDeadLetterQueue"] {
        let fault = format!("{id}: is deleted with the stack");
        refused(check, &format!("/Resources/{id}/DeletionPolicy"), json!("Delete"), &fault);
        refused(check, &format!("/Resources/{id}/UpdateReplacePolicy"), json!("Delete"), &fault);
    }
}

#[test]
fn the_secrets_of_the_stack_can_have_a_customers_key() {
    let check = own_secrets_can_have_a_key;
    holds(&check(&template()));
    let key = "/Resources/JwtSecret/Properties/KmsKeyId";
    refused(check, key, json!("key"), "JwtSecret: cannot have the key of SecretsKeyArn");
}
