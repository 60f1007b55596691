//! The rules of what a role allows: what its function's environment and events name, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    checks::Faults,
    document::{events, functions, many, resources, target},
    logins::writing,
    statements::{group, is_text, rights, statements},
};

/// A secret, and the key that opens it. A role that may read the one may use the other.
const KEYS: [(&str, &str); 10] = [
    ("AdministratorSecretArn", "AdministratorSecretKeyArn"),
    ("JwtSecret", "SecretsKeyArn"),
    ("HmacSecret", "SecretsKeyArn"),
    ("ChallengeSecret", "SecretsKeyArn"),
    ("DatabaseSecretArn", "DatabaseSecretKeyArn"),
    ("MigratorSecretArn", "MigratorSecretKeyArn"),
    ("OperationsSecretArn", "OperationsSecretKeyArn"),
    ("MailUrlArn", "MailUrlKeyArn"),
    ("CacheUrlArn", "CacheUrlKeyArn"),
    ("KafkaSecretArn", "KafkaSecretKeyArn"),
];

/// It shows the state of the queue and sends nothing.
const ONLY_ASKS: &str = "DebugHealthCheckFunction";

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
            // It names the alias, as in `EventsConsumerKafkaFunction.Alias`.
            let called = target(&mapping["FunctionName"]).and_then(|name| name.strip_suffix(".Alias"));
            if called == Some(id) {
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
            let may_write = condition == Some(&writing(key))
                && actions.iter().copied().eq(&["kms:Decrypt", "kms:GenerateDataKey"].map(Value::from));
            if (condition != Some(&wanted) || actions != [&Value::from("kms:Decrypt")]) && !may_write {
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

/// Only a function that has a budget sends text messages, only where a country is allowed, and never to a topic.
pub(crate) fn text_messages_are_sent_within_budgets(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let role = target(&function["Role"]).unwrap_or_default();
        let all = statements(&template["Resources"][role]["Properties"]);
        // The destination of records that Kafka gives up is an operator's topic, and the statement names it.
        let is_sns = |statement: &Value| {
            target(&statement["Resource"]) != Some("KafkaFailureArn")
                && many(&statement["Action"])
                    .iter()
                    .any(|action| action.as_str().is_some_and(|action| action.starts_with("sns:")))
        };
        let sending: Vec<_> = all.into_iter().filter(|(_, statement)| is_sns(statement)).collect();
        let has_budget = !function["Environment"]["Variables"]["SMS_DAILY_BUDGET"].is_null();
        if has_budget != sending.iter().any(|(condition, statement)| is_text(*condition, statement)) {
            faults
                .push(format!("{id}: has a budget for text messages and may not send them, or the reverse"));
        }
        if sending.iter().any(|(condition, statement)| !is_text(*condition, statement)) {
            faults.push(format!("{id}: may use SNS for something else than text messages"));
        }
    }
    faults
}
