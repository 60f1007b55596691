//! A function may do what its environment names, and nothing else.

use serde_json::{Value, json};

use super::{
    USERS_ME,
    document::{target, template},
    holds, logins, permissions, refused, roles,
};

/// A function whose rights no other function has. So a fault in its role is not found by another function's role.
const SIGN_UP: &str = "/Resources/AuthSignUpFunction/Properties";

/// Returns the role of a function of the template.
fn role_of(function: &str) -> String {
    let template = template();
    let role = target(&template.pointer(function).expect("the function")["Role"]);
    role.expect("a role").to_owned()
}

/// Returns where the statements of a function's role are. That of sign-up allows, in this order: the network,
/// the secrets, the database's key, the stack's key, the queues, the login with a token, the spans, the log.
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
    let statement = format!("{}/7", statements(SIGN_UP));
    let role = role_of(SIGN_UP);
    let both = |group: &str| {
        [
            format!("{role}: {group} is not for its own function alone"),
            "AuthSignUpFunction: may not write its log".to_owned(),
        ]
    };
    for (place, value, group) in [
        ("Condition", Value::Null, "AuthSignUpLogGroup"),
        ("Condition/ArnEquals/lambda:SourceFunctionArn/0/Fn::Sub", json!("*"), "AuthSignUpLogGroup"),
        ("Condition/ArnEquals/lambda:SourceFunctionArn/1/Fn::Sub", json!("*"), "AuthSignUpLogGroup"),
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
fn only_a_function_with_a_budget_sends_text_messages() {
    let check = permissions::text_messages_are_sent_within_budgets;
    holds(&check(&template()));
    const WORKER: &str = "/Resources/MailWorkerFunction/Properties";
    let budget = &format!("{WORKER}/Environment/Variables/SMS_DAILY_BUDGET");
    let fault = "MailWorkerFunction: has a budget for text messages and may not send them, or the reverse";
    refused(check, budget, Value::Null, fault);
    let all = template();
    let statements = statements(WORKER);
    let list = all.pointer(&statements).and_then(Value::as_array).expect("statements");
    let place = list.iter().position(|one| one["Fn::If"][0] == "HasSmsCountries").expect("the statement");
    let statement = &format!("{statements}/{place}/Fn::If/1");
    let topics = "MailWorkerFunction: may use SNS for something else than text messages";
    for (key, value) in [("NotResource", Value::Null), ("Resource", json!("*")), ("Action", json!("sns:*"))] {
        let mut broken = template();
        broken.pointer_mut(statement).expect("the statement")[key] = value;
        let faults = check(&broken);
        assert!(faults.iter().any(|fault| fault == topics), "{key}: {faults:?}");
        assert!(!roles::roles_allow_no_wildcard(&broken).is_empty(), "{key}");
    }
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
    let check = permissions::keys_open_secrets_and_nothing_else;
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

    let check = permissions::permissions_match_the_environment;
    let fault = "AuthSignUpFunction: is told of DatabaseSecretKeyArn and may not use it";
    refused(check, &format!("{}/2", statements(SIGN_UP)), json!({ "Ref": "AWS::NoValue" }), fault);
    let fault = "AuthSignUpFunction: is told of SecretsKeyArn and may not use it";
    refused(check, &format!("{}/3", statements(SIGN_UP)), json!({ "Ref": "AWS::NoValue" }), fault);
}

#[test]
fn only_a_stack_that_knows_the_administrator_makes_roles() {
    let check = logins::only_a_stack_with_an_administrator_makes_roles;
    holds(&check(&template()));
    const MIGRATE: &str = "/Resources/MigrateFunction/Properties";
    let all = template();
    let role = role_of(MIGRATE);
    let list = all.pointer(&statements(MIGRATE)).and_then(Value::as_array).expect("statements");
    let conditional = |action: &str| {
        let place = list.iter().position(|one| {
            one["Fn::If"][0] == "HasAdministratorSecret" && one["Fn::If"][1]["Action"] == action
        });
        format!("{}/{}/Fn::If", statements(MIGRATE), place.expect(action))
    };
    let always = format!("{role}: makes roles of the database, also without AdministratorSecretArn");
    let write = conditional("secretsmanager:PutSecretValue");
    refused(check, &format!("{write}/0"), json!("HasVpc"), &always);
    let other = format!("{role}: writes other secrets than those of the three logins");
    let more = json!([{ "Ref": "DatabaseSecretArn" }, { "Ref": "MailUrlArn" }]);
    refused(check, &format!("{write}/1/Resource"), more, &other);
    let read = conditional("secretsmanager:GetSecretValue");
    let mut broken = template();
    *broken.pointer_mut(&format!("{read}/0")).expect("the condition") = json!("HasVpc");
    let logins = format!("{role}: reads the logins of other functions without AdministratorSecretArn");
    assert_eq!(check(&broken), [always, logins]);

    let fault = "HasAdministratorSecret: does not say that AdministratorSecretArn is set";
    refused(check, "/Conditions/HasAdministratorSecret", json!({ "Condition": "HasVpc" }), fault);
    let fault = "WritesDatabaseSecretKey: holds also without AdministratorSecretArn or DatabaseSecretKeyArn";
    refused(
        check,
        "/Conditions/WritesDatabaseSecretKey",
        json!({ "Condition": "HasDatabaseSecretKey" }),
        fault,
    );
    // Another function's role.
    let mut broken = template();
    let statement = broken.pointer(&format!("{write}/1")).expect("the right").clone();
    let sign_up = statements(SIGN_UP);
    broken.pointer_mut(&sign_up).and_then(Value::as_array_mut).expect("statements").push(statement);
    let other =
        format!("{}: makes roles of the database, also without AdministratorSecretArn", role_of(SIGN_UP));
    assert_eq!(check(&broken), [other]);
}

#[test]
fn a_function_logs_in_to_the_database_as_its_own_role() {
    let check = logins::functions_log_in_as_their_own_role;
    holds(&check(&template()));
    const MIGRATE: &str = "/Resources/MigrateFunction/Properties";
    let all = template();
    let list = all.pointer(&statements(MIGRATE)).and_then(Value::as_array).expect("statements");
    let place = list.iter().position(|one| one["Fn::If"][0] == "HasDatabaseIam").expect("the right");
    let right = format!("{}/{place}/Fn::If", statements(MIGRATE));
    let fault =
        "MigrateFunction: may log in to the database otherwise than as \"migrator\" with DatabaseAuth=iam";
    refused(check, &format!("{right}/0"), json!("HasVpc"), fault);
    let of_app = list[place]["Fn::If"][1]["Resource"]["Fn::Sub"].as_str().expect("an ARN");
    let of_app = of_app.replace("/migrator", "/app");
    refused(check, &format!("{right}/1/Resource/Fn::Sub"), json!(of_app), fault);
    refused(check, &format!("{right}/1/Resource"), json!("*"), fault);
    let user = format!("{MIGRATE}/Environment/Variables/DB_USER");
    refused(check, &user, json!("app"), &fault.replace("migrator", "app"));
    let fault = "HasDatabaseIam: is not whether DatabaseAuth is iam";
    refused(check, "/Conditions/HasDatabaseIam", json!({ "Condition": "HasVpc" }), fault);
}

#[test]
fn a_function_may_use_what_its_environment_names_and_nothing_else() {
    let check = permissions::permissions_match_the_environment;
    holds(&check(&template()));
    let secret = format!("{SIGN_UP}/Environment/Variables/HMAC_KEY_ARN");
    // It is the one secret of the stack that this function reads, so the key goes with it.
    let mut broken = template();
    *broken.pointer_mut(&secret).expect("the secret") = json!("");
    let unnamed = |name: &str| format!("AuthSignUpFunction: may use {name} and is not told of it");
    assert_eq!(check(&broken), ["HmacSecret", "SecretsKeyArn"].map(unnamed));
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
    let check = permissions::queue_rights_fit_their_use;
    holds(&check(&template()));
    let actions = format!("{}/4/Action", statements(SIGN_UP));
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
    let all = template().pointer(&statements(worker)).cloned().expect("the statements");
    let is_receive = |statement: &Value| statement["Action"][0] == "sqs:ReceiveMessage";
    let place = all.as_array().and_then(|all| all.iter().position(is_receive)).expect("the right to receive");
    let receive = format!("{}/{place}/Action", statements(worker));
    let fault = "TasksWorkerFunction: lacks sqs:DeleteMessage on TasksQueue";
    refused(check, &receive, json!(["sqs:ReceiveMessage", "sqs:GetQueueAttributes"]), fault);
}

#[test]
fn every_role_can_have_a_boundary() {
    let check = roles::every_role_can_have_a_boundary;
    holds(&check(&template()));
    let boundary = "/Resources/DatabaseJwtRole/Properties/PermissionsBoundary";
    refused(check, boundary, Value::Null, "DatabaseJwtRole: cannot have a permissions boundary");
}
