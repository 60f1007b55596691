//! template.yaml keeps the rules that decide in production and that no linter checks.
//!
//! Every rule is shown twice: the template keeps it, and a template that breaks it is refused by name.

mod budget;
pub(crate) mod checks;
pub(crate) mod document;
pub(crate) mod gateway;
mod generated;
mod limits;
mod names;
pub(crate) mod roles;
mod schedules;
mod texts;

use serde_json::{Value, json};

use checks::Faults;
use document::{Overrides, environments, template};

#[track_caller]
fn holds(faults: &Faults) {
    assert!(faults.is_empty(), "template.yaml:\n  {}", faults.join("\n  "));
}

/// Breaks the real template in one place and expects the check to say where and what.
#[track_caller]
fn refused(check: fn(&Value) -> Faults, pointer: &str, value: Value, expected: &str) {
    let mut broken = template();
    *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("template.yaml has nothing at {pointer}")) = value;
    assert_ne!(broken, template(), "{pointer} already had this value");
    assert_eq!(check(&broken), [expected]);
}

const USERS_ME: &str = "/Resources/UsersMeFunction/Properties";
/// The one function that may do what it may do: a fault in its role is no other function's.
const SIGN_UP: &str = "/Resources/AuthSignUpFunction/Properties";
/// What it allows: the network, the secrets, the database's key, the queue, the log.
const SIGN_UP_ROLE: &str =
    "/Resources/DatabaseHmacConnectSendEventsRole/Properties/Policies/0/PolicyDocument/Statement";

#[test]
fn a_function_and_its_binary_share_one_stem() {
    let check = checks::one_stem_names_binary_and_function;
    holds(&check(&template()));
    let mut broken = template();
    broken["Resources"]["UsersMeFunction"]["Metadata"]["BuildProperties"]["Binary"] = json!("auth-tokens");
    assert!(check(&broken).contains(&r#"UsersMeFunction: builds the binary "auth-tokens""#.to_owned()));
    let name = format!("{USERS_ME}/FunctionName");
    refused(check, &name, json!("me"), "UsersMeFunction: FunctionName is not the stack's name and the stem");
}

#[test]
fn a_batch_with_one_bad_message_loses_none_and_batches_are_bounded() {
    let check = checks::batches_lose_nothing_and_are_bounded;
    holds(&check(&template()));
    let queue = "/Resources/TasksWorkerFunction/Properties/Events/Queue/Properties";
    let fault = "TasksWorkerFunction: its queue lacks ReportBatchItemFailures";
    refused(check, &format!("{queue}/FunctionResponseTypes"), json!([]), fault);
    let lacks = |id| format!("{id}: its queue lacks MaximumConcurrency, or its topic MaximumPollers");
    refused(check, &format!("{queue}/ScalingConfig"), Value::Null, &lacks("TasksWorkerFunction"));
    let topic = "/Resources/EventsConsumerKafkaMskMapping/Properties";
    refused(
        check,
        &format!("{topic}/ProvisionedPollerConfig"),
        Value::Null,
        &lacks("EventsConsumerKafkaMskMapping"),
    );
    let fault = "EventsConsumerKafkaMskMapping: its queue lacks ReportBatchItemFailures";
    refused(check, &format!("{topic}/FunctionResponseTypes"), json!([]), fault);
}

#[test]
fn every_queue_ends_in_a_dead_letter_queue_that_keeps_messages_for_14_days() {
    let check = checks::queues_have_dead_letter_queues;
    holds(&check(&template()));
    let tasks = "/Resources/TasksQueue/Properties";
    let dead = "/Resources/TasksDeadLetterQueue/Properties";
    let fault = "TasksQueue: its dead-letter queue does not keep messages for 14 days";
    refused(check, &format!("{dead}/MessageRetentionPeriod"), json!(345_600), fault);
    let fault = "TasksQueue: its dead-letter queue is of another type";
    let mut fifo = template()["Resources"]["TasksDeadLetterQueue"]["Properties"].clone();
    fifo["FifoQueue"] = json!(true);
    refused(check, dead, fifo, fault);
    let fault = "TasksQueue: fewer than 5 receives before the dead-letter queue";
    refused(check, &format!("{tasks}/RedrivePolicy/maxReceiveCount"), json!(4), fault);

    let mut broken = template();
    broken["Resources"]["TasksQueue"]["Properties"]["RedrivePolicy"] = Value::Null;
    assert!(check(&broken).contains(&"TasksQueue: has no dead-letter queue".to_owned()));
}

#[test]
fn a_message_is_taken_for_lost_when_its_queue_has_dropped_it_and_not_before() {
    let check = checks::lost_messages_are_known_by_the_retention_of_the_queues;
    holds(&check(&template()));
    let fault = "TasksQueue: keeps messages for another time than the worker knows";
    let retention = "/Resources/TasksQueue/Properties/MessageRetentionPeriod";
    refused(check, retention, json!(345_600), fault);
    let known = "/Resources/TasksWorkerFunction/Properties/Environment/Variables/QUEUE_RETENTION_SECONDS";
    let mut broken = template();
    *broken.pointer_mut(known).expect("what the worker knows") = json!("345600");
    assert_eq!(check(&broken).len(), 2);
    // Published rows are deleted after nine days: until then they say when a message was sent. A run looks for lost
    // events that were sent up to two days and an hour before that.
    let longest = template()["Parameters"]["QueueRetentionSeconds"]["MaxValue"].as_u64();
    assert!(longest.is_some_and(|seconds| seconds + 2 * 86_400 + 3_600 <= 9 * 86_400));
}

#[test]
fn the_example_schedule_is_off_in_prod() {
    let template = template();
    let state = &template["Resources"]["SayMeowSchedule"]["Properties"]["State"];
    assert_eq!(*state, json!({ "Fn::If": ["HasExampleSchedule", "ENABLED", "DISABLED"] }));
    assert_eq!(template["Parameters"]["ExampleSchedule"]["Default"], "");
    let asked_for = json!({ "Fn::Equals": [{ "Ref": "ExampleSchedule" }, "true"] });
    let not_prod = json!({ "Fn::And": [
        { "Condition": "IsNotProd" }, { "Fn::Equals": [{ "Ref": "ExampleSchedule" }, ""] },
    ] });
    assert_eq!(template["Conditions"]["HasExampleSchedule"], json!({ "Fn::Or": [asked_for, not_prod] }));
}

#[test]
fn a_message_stays_hidden_for_six_times_the_life_of_its_function() {
    let defaults = |template: &Value| checks::messages_stay_hidden_long_enough(template, &Overrides::new());
    holds(&defaults(&template()));
    let fault = "TasksWorkerFunction: timeout Some(30), but TasksQueue hides for Some(179)";
    refused(defaults, "/Parameters/TasksVisibilitySeconds/Default", json!(179), fault);
}

#[test]
fn every_environment_of_samconfig_hides_messages_long_enough() {
    let environments = environments();
    assert!(environments.contains_key("local") && environments.contains_key("prod"), "{environments:?}");
    for (name, overrides) in &environments {
        let faults = checks::messages_stay_hidden_long_enough(&template(), overrides);
        assert!(faults.is_empty(), "samconfig.toml, {name}: {faults:?}");
    }
    let short = Overrides::from([("WorkerTimeoutSeconds".to_owned(), "31".to_owned())]);
    assert_eq!(checks::messages_stay_hidden_long_enough(&template(), &short).len(), 2);
}

#[test]
fn every_parameter_that_samconfig_sets_exists() {
    let template = template();
    for (name, overrides) in environments() {
        for parameter in overrides.keys() {
            assert!(
                !template["Parameters"][parameter].is_null(),
                "samconfig.toml, {name}: no parameter {parameter}"
            );
        }
    }
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
    let statement = format!("{SIGN_UP_ROLE}/4");
    let both = |group: &str| {
        [
            format!("DatabaseHmacConnectSendEventsRole: {group} is not for its own function alone"),
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
    let statement = &format!("{SIGN_UP_ROLE}/1");
    let fault = "DatabaseHmacConnectSendEventsRole: allows something on resources by wildcard";
    refused(check, &format!("{statement}/Resource"), json!("*"), fault);
    refused(check, &format!("{statement}/Resource"), json!([{ "Ref": "HmacSecret" }, "*"]), fault);
    let prefix = json!({ "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:*" });
    refused(check, &format!("{statement}/Resource"), prefix, fault);
    refused(check, &format!("{statement}/Resource"), Value::Null, fault);
    let fault = "DatabaseHmacConnectSendEventsRole: allows actions by wildcard";
    refused(check, &format!("{statement}/Action"), json!("secretsmanager:*"), fault);
    // The network is the exception: these six actions, and only with a VPC.
    let network = format!("{SIGN_UP_ROLE}/0/Fn::If");
    let fault = "DatabaseHmacConnectSendEventsRole: allows something on resources by wildcard";
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
    let network = format!("{SIGN_UP_ROLE}/0/Fn::If/1/Action");
    let fault = "AuthSignUpFunction: cannot have a network interface in a VPC";
    refused(check, &network, json!(["ec2:CreateNetworkInterface"]), fault);
}

#[test]
fn a_customers_key_opens_the_secret_that_it_belongs_to() {
    let check = roles::keys_open_secrets_and_nothing_else;
    holds(&check(&template()));
    let key = format!("{SIGN_UP_ROLE}/2/Fn::If");
    let fault = "DatabaseHmacConnectSendEventsRole: does more with DatabaseSecretKeyArn than to decrypt, or without HasDatabaseSecretKey";
    refused(check, &format!("{key}/0"), json!("HasVpc"), fault);
    refused(check, &format!("{key}/1/Action"), json!(["kms:Decrypt", "kms:Encrypt"]), fault);
    let fault =
        "DatabaseHmacConnectSendEventsRole: uses DatabaseSecretKeyArn for something else than secrets";
    refused(check, &format!("{key}/1/Condition"), Value::Null, fault);

    let check = roles::permissions_match_the_environment;
    let fault = "AuthSignUpFunction: is told of DatabaseSecretKeyArn and may not use it";
    refused(check, &format!("{SIGN_UP_ROLE}/2"), json!({ "Ref": "AWS::NoValue" }), fault);
}

#[test]
fn a_function_may_use_what_its_environment_names_and_nothing_else() {
    let check = roles::permissions_match_the_environment;
    holds(&check(&template()));
    let secret = format!("{SIGN_UP}/Environment/Variables/HMAC_KEY_ARN");
    refused(check, &secret, json!(""), "AuthSignUpFunction: may use HmacSecret and is not told of it");
    let statement = &format!("{SIGN_UP_ROLE}/1/Resource");
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
    let actions = format!("{SIGN_UP_ROLE}/3/Action");
    let send = "AuthSignUpFunction: lacks sqs:SendMessage on EventsQueue";
    refused(check, &actions, json!(["sqs:GetQueueAttributes"]), send);
    let all = json!(["sqs:SendMessage", "sqs:PurgeQueue"]);
    let fault = "AuthSignUpFunction: has sqs:PurgeQueue on EventsQueue and does not need it";
    refused(check, &actions, all, fault);
    let worker = "/Resources/TasksWorkerFunction/Properties";
    let role = template().pointer(worker).expect("the worker")["Role"]["Fn::GetAtt"][0].clone();
    let role = role.as_str().expect("a role");
    let receive = format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement/5/Action");
    let fault = "TasksWorkerFunction: lacks sqs:DeleteMessage on TasksQueue";
    refused(check, &receive, json!(["sqs:ReceiveMessage", "sqs:GetQueueAttributes"]), fault);
}

#[test]
fn every_function_has_a_log_group_that_forgets() {
    let check = checks::every_function_has_a_log_group;
    holds(&check(&template()));
    let group = "/Resources/UsersMeLogGroup/Properties";
    let fault = "UsersMeFunction: has no log group with a retention";
    refused(check, &format!("{group}/RetentionInDays"), Value::Null, fault);
    let fault = "UsersMeFunction: its log group is not /aws/lambda/ and its name";
    refused(check, &format!("{group}/LogGroupName"), json!("/aws/lambda/me"), fault);
}

#[test]
fn functions_that_hash_passwords_have_the_memory_for_it() {
    let check = checks::functions_that_hash_have_memory;
    holds(&check(&template()));
    let memory = "/Resources/AuthTokensFunction/Properties/MemorySize";
    refused(check, memory, json!(512), "auth-tokens: hashes passwords with less than 1024 MB");
}

#[test]
fn every_path_stands_without_a_slash_and_has_one_owner_of_its_preflight() {
    let check = gateway::every_path_has_one_preflight;
    holds(&check(&template()));
    let call = format!("{USERS_ME}/Events/Call/Properties/Path");
    let fault =
        r#"UsersMeFunction: the path "/api/v1/users/me/" ends in a slash, or does not begin with one"#;
    refused(check, &call, json!("/api/v1/users/me/"), fault);
    let preflight = format!("{USERS_ME}/Events/Preflight/Properties/Method");
    refused(check, &preflight, json!("PUT"), "/api/v1/users/me: nobody answers OPTIONS");
    let path = "/Resources/AuthSignUpFunction/Properties/Events/Preflight/Properties/Path";
    let mut broken = template();
    *broken.pointer_mut(path).unwrap() = json!("/api/v1/users/me");
    let faults =
        ["/api/v1/auth/sign-up: nobody answers OPTIONS", "/api/v1/users/me: a method has two owners"];
    assert_eq!(check(&broken), faults);
}

#[test]
fn no_endpoint_works_longer_than_the_gateway_waits() {
    let check = gateway::no_endpoint_outlives_the_gateway;
    holds(&check(&template()));
    let mut slow = template()["Resources"]["UsersMeFunction"]["Properties"].clone();
    slow["Timeout"] = json!(30);
    refused(check, USERS_ME, slow, "UsersMeFunction: may work longer than the gateway waits");
}

#[test]
fn every_api_refuses_old_tls() {
    let check = gateway::apis_refuse_old_tls;
    holds(&check(&template()));
    for api in ["Api", "GrpcApi"] {
        let of = |property: &str| format!("/Resources/{api}/Properties/{property}");
        let fault = format!("{api}: accepts TLS that has no forward secrecy or is older than 1.2");
        refused(check, &of("SecurityPolicy"), json!("TLS_1_0"), &fault);
        refused(check, &of("SecurityPolicy"), Value::Null, &fault);
        let fault = format!("{api}: has no EndpointAccessMode, which AWS wants with its SecurityPolicy");
        refused(check, &of("EndpointAccessMode"), Value::Null, &fault);
    }
}

#[test]
fn an_access_log_holds_no_text_of_the_client() {
    let check = gateway::access_logs_hold_no_client_text;
    holds(&check(&template()));
    for api in ["Api", "GrpcApi"] {
        let format = format!("/Resources/{api}/Properties/AccessLogSetting/Fn::If/1/Format");
        let of = |path: &str| json!(format!(r#"{{"path":"$context.{path}"}}"#));
        for client in ["path", "identity.userAgent", "domainName", "error.message"] {
            let fault =
                format!("{api}: its access log holds $context.{client}, which may be text of the client");
            refused(check, &format, of(client), &fault);
        }
        let fault = format!("{api}: its access log is not one JSON object of texts");
        refused(check, &format, json!(r#"{"path":$context.resourcePath}"#), &fault);
    }
}

#[test]
fn what_the_gateway_answers_itself_looks_like_what_functions_answer() {
    let check = gateway::gateway_answers_in_the_envelope;
    holds(&check(&template()));
    let throttled = "/Resources/Api/Properties/GatewayResponses/THROTTLED";
    let headers = format!("{throttled}/ResponseParameters/Headers");
    refused(check, &format!("{headers}/Retry-After"), Value::Null, "THROTTLED: lacks Retry-After");
    let fault = "THROTTLED: lacks cache-control: 'no-store'";
    refused(check, &format!("{headers}/Cache-Control"), Value::Null, fault);
    let fault = "THROTTLED: lacks content-security-policy: 'default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none''";
    refused(check, &format!("{headers}/Content-Security-Policy"), json!("'default-src *'"), fault);
    let body = format!("{throttled}/ResponseTemplates/application~1json");
    let bare = r#"{"message":"Too many requests.","details":[],"traceback":null}"#;
    refused(check, &body, json!(bare), &format!("THROTTLED: its body is not the envelope: {bare:?}"));

    let body = "/Resources/GrpcApi/Properties/GatewayResponses/THROTTLED/ResponseTemplates/application~1json";
    let fault = format!("THROTTLED: its body is not an error of Connect: {bare:?}");
    refused(check, body, json!(bare), &fault);

    let mut broken = template();
    let answers = broken.pointer_mut("/Resources/Api/Properties/GatewayResponses").unwrap();
    answers.as_object_mut().unwrap().remove("DEFAULT_5XX");
    assert_eq!(check(&broken), ["Api: no answer for DEFAULT_5XX"]);
}
