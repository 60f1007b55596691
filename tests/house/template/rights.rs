//! A function may do what its environment names, and nothing else.

use serde_json::{Value, json};

use super::{
    USERS_ME,
    document::{target, template},
    holds, refused, roles,
};

/// The one function that may do what it may do: a fault in its role is no other function's.
const SIGN_UP: &str = "/Resources/AuthSignUpFunction/Properties";

/// Returns the role of a function of the template.
fn role_of(function: &str) -> String {
    let template = template();
    let role = target(&template.pointer(function).expect("the function")["Role"]);
    role.expect("a role").to_owned()
}

/// Returns where the statements of a function's role are. That of sign-up allows, in this order: the network,
/// the secrets, the database's key, the queues, the log.
fn statements(function: &str) -> String {
    format!("/Resources/{}/Properties/Policies/0/PolicyDocument/Statement", role_of(function))
}

#[test]
fn functions_with_equal_rights_share_a_role() {
    holds(&roles::every_function_has_a_role(&template()));
    let fault = "UsersMeFunction: has no role in this template";
    refused(roles::every_function_has_a_role, &format!("{USERS_ME}/Role"), Value::Null, fault);

    let check = roles::equal_rights_are_one_role;
    holds(&check(&template()));
    let mut broken = template();
    broken["Resources"]["UsersMeRole"] = broken["Resources"]["DatabaseJwtRole"].clone();
    let faults = check(&broken);
    assert!(faults.contains(&"UsersMeRole: no function has this role".to_owned()), "{faults:?}");
    let fault = "UsersMeRole: allows the same as DatabaseJwtRole, so one of the two is enough";
    assert!(faults.contains(&fault.to_owned()), "{faults:?}");
}

#[test]
fn a_function_writes_its_own_log_and_no_other() {
    let check = roles::every_function_writes_its_own_log;
    holds(&check(&template()));
    let statement = format!("{}/4", statements(SIGN_UP));
    let role = role_of(SIGN_UP);
    let both = |group: &str| {
        [
            format!("{role}: {group} is not for its own function alone"),
            "AuthSignUpFunction: may not write its log".to_owned(),
        ]
    };
    for (place, value, group) in [
        ("Condition", Value::Null, "AuthSignUpLogGroup"),
        ("Condition/ArnEquals/lambda:SourceFunctionArn/Fn::Sub", json!("*"), "AuthSignUpLogGroup"),
        ("Resource/Fn::GetAtt/0", json!("UsersMeLogGroup"), "UsersMeLogGroup"),
        ("Action/0", json!("logs:CreateLogGroup"), "AuthSignUpLogGroup"),
    ] {
        let mut broken = template();
        *broken.pointer_mut(&format!("{statement}/{place}")).expect(place) = value;
        assert_eq!(check(&broken), both(group), "{place}");
    }
    // Another role's function.
    let mut broken = template();
    broken.pointer_mut(SIGN_UP).expect("the function")["Role"] =
        json!({ "Fn::GetAtt": ["DatabaseJwtRole", "Arn"] });
    assert_eq!(check(&broken), both("AuthSignUpLogGroup"));
}

#[test]
fn no_role_allows_anything_by_wildcard() {
    let check = roles::roles_allow_no_wildcard;
    holds(&check(&template()));
    let statement = &format!("{}/1", statements(SIGN_UP));
    let role = role_of(SIGN_UP);
    let fault = &format!("{role}: allows something on resources by wildcard");
    refused(check, &format!("{statement}/Resource"), json!("*"), fault);
    refused(check, &format!("{statement}/Resource"), json!([{ "Ref": "HmacSecret" }, "*"]), fault);
    let prefix = json!({ "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:*" });
    refused(check, &format!("{statement}/Resource"), prefix, fault);
    refused(check, &format!("{statement}/Resource"), Value::Null, fault);
    let fault = &format!("{role}: allows actions by wildcard");
    refused(check, &format!("{statement}/Action"), json!("secretsmanager:*"), fault);
    // The network is the exception: these six actions, and only with a VPC.
    let network = format!("{}/0/Fn::If", statements(SIGN_UP));
    let fault = &format!("{role}: allows something on resources by wildcard");
    refused(check, &format!("{network}/0"), json!("HasCache"), fault);
    refused(check, &format!("{network}/1/Action/0"), json!("ec2:RunInstances"), fault);

    let fault = "DatabaseJwtRole: has a managed policy that is not that of MSK under HasMskCluster";
    for policies in [
        json!(["arn"]),
        template()["Resources"]["EventsConsumerKafkaRole"]["Properties"]["ManagedPolicyArns"]["Fn::If"][1]
            .clone(),
    ] {
        let mut broken = template();
        broken["Resources"]["DatabaseJwtRole"]["Properties"]["ManagedPolicyArns"] = policies;
        assert_eq!(check(&broken), [fault]);
    }
}

#[test]
fn every_function_may_be_in_a_vpc() {
    let check = roles::every_role_may_use_the_network_with_a_vpc;
    holds(&check(&template()));
    let network = format!("{}/0/Fn::If/1/Action", statements(SIGN_UP));
    let fault = "AuthSignUpFunction: cannot have a network interface in a VPC";
    refused(check, &network, json!(["ec2:CreateNetworkInterface"]), fault);
}

#[test]
fn a_customers_key_opens_the_secret_that_it_belongs_to() {
    let check = roles::keys_open_secrets_and_nothing_else;
    holds(&check(&template()));
    let key = format!("{}/2/Fn::If", statements(SIGN_UP));
    let role = role_of(SIGN_UP);
    let fault = &format!(
        "{role}: does more with DatabaseSecretKeyArn than to decrypt, or without HasDatabaseSecretKey"
    );
    refused(check, &format!("{key}/0"), json!("HasVpc"), fault);
    refused(check, &format!("{key}/1/Action"), json!(["kms:Decrypt", "kms:Encrypt"]), fault);
    let fault = &format!("{role}: uses DatabaseSecretKeyArn for something else than secrets");
    refused(check, &format!("{key}/1/Condition"), Value::Null, fault);

    let check = roles::permissions_match_the_environment;
    let fault = "AuthSignUpFunction: is told of DatabaseSecretKeyArn and may not use it";
    refused(check, &format!("{}/2", statements(SIGN_UP)), json!({ "Ref": "AWS::NoValue" }), fault);
}

#[test]
fn a_function_may_use_what_its_environment_names_and_nothing_else() {
    let check = roles::permissions_match_the_environment;
    holds(&check(&template()));
    let secret = format!("{SIGN_UP}/Environment/Variables/HMAC_KEY_ARN");
    refused(check, &secret, json!(""), "AuthSignUpFunction: may use HmacSecret and is not told of it");
    let statement = &format!("{}/1/Resource", statements(SIGN_UP));
    let one = json!({ "Ref": "DatabaseSecretArn" });
    refused(check, statement, one, "AuthSignUpFunction: is told of HmacSecret and may not use it");
    let literal = json!([{ "Ref": "DatabaseSecretArn" }, { "Ref": "HmacSecret" }, "arn:aws:sqs:eu-central-1:123456789012:other"]);
    refused(check, statement, literal, "AuthSignUpFunction: may use something unnamed and is not told of it");

    // Another role: whatever it allows too much or too little is named.
    let role = json!({ "Fn::GetAtt": ["DatabaseJwtRole", "Arn"] });
    let mut broken = template();
    broken.pointer_mut(SIGN_UP).expect("the function")["Role"] = role;
    let faults = check(&broken);
    for fault in [
        "AuthSignUpFunction: is told of EventsQueue and may not use it",
        "AuthSignUpFunction: may use JwtSecret and is not told of it",
    ] {
        assert!(faults.contains(&fault.to_owned()), "{faults:?}");
    }
}

#[test]
fn a_function_may_do_with_a_queue_what_it_does_with_it() {
    let check = roles::queue_rights_fit_their_use;
    holds(&check(&template()));
    let actions = format!("{}/3/Action", statements(SIGN_UP));
    for (allowed, fault) in [
        (json!(["sqs:GetQueueAttributes"]), ("lacks sqs:SendMessage on", "")),
        (json!(["sqs:SendMessage", "sqs:PurgeQueue"]), ("has sqs:PurgeQueue on", " and does not need it")),
    ] {
        let mut broken = template();
        *broken.pointer_mut(&actions).expect("the actions") = allowed;
        // The statement is about both queues.
        let of = |queue| format!("AuthSignUpFunction: {} {queue}{}", fault.0, fault.1);
        assert_eq!(check(&broken), [of("EventsQueue"), of("MailQueue")]);
    }
    let worker = "/Resources/TasksWorkerFunction/Properties";
    let receive = format!("{}/3/Action", statements(worker));
    let fault = "TasksWorkerFunction: lacks sqs:DeleteMessage on TasksQueue";
    refused(check, &receive, json!(["sqs:ReceiveMessage", "sqs:GetQueueAttributes"]), fault);
}
