//! The rules of template.yaml that no linter knows. A check names each fault; no fault, no text.
//!
//! Add one here, then a test that it holds and one that it can fail in `template.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Overrides, events, functions, many, number, resources, target};

pub(crate) type Faults = Vec<String>;

/// Functions that hash passwords: processor share grows with memory, and a hash in 128 MB takes 0.7 s.
const HASHING: [&str; 3] = ["auth-sign-up", "auth-tokens", "auth-password-change"];
const FOURTEEN_DAYS: u64 = 14 * 24 * 3600;

/// One stem everywhere: `users-me` is the binary, `UsersMeFunction` the resource.
pub(crate) fn one_stem_names_binary_and_function(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let binary = &template["Resources"][id]["Metadata"]["BuildProperties"]["Binary"];
        if binary.as_str().map(pascal).is_none_or(|pascal| format!("{pascal}Function") != id) {
            faults.push(format!("{id}: builds the binary {binary}"));
        }
        if function["FunctionName"]["Fn::Sub"]
            != format!("${{AWS::StackName}}-{}", binary.as_str().unwrap_or_default())
        {
            faults.push(format!("{id}: FunctionName is not the stack's name and the stem"));
        }
    }
    faults
}

/// Without `ReportBatchItemFailures` the messages that failed are deleted with their batch; without
/// `MaximumConcurrency` a full queue takes every connection of the database.
pub(crate) fn batches_lose_nothing_and_are_bounded(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let of_functions = functions(template)
        .into_iter()
        .flat_map(|(id, f)| events(f, "SQS").into_iter().map(move |e| (id, e)));
    for (id, mapping) in of_functions.chain(resources(template, "AWS::Lambda::EventSourceMapping")) {
        if !many(&mapping["FunctionResponseTypes"]).iter().any(|t| **t == "ReportBatchItemFailures") {
            faults.push(format!("{id}: its queue lacks ReportBatchItemFailures"));
        }
        let bound = if mapping["Topics"].is_null() {
            &mapping["ScalingConfig"]["MaximumConcurrency"]
        } else {
            &mapping["ProvisionedPollerConfig"]["MaximumPollers"]
        };
        if bound.is_null() {
            faults.push(format!("{id}: its queue lacks MaximumConcurrency, or its topic MaximumPollers"));
        }
    }
    faults
}

/// Every queue ends in a dead-letter queue of its own type that keeps a message for 14 days.
pub(crate) fn queues_have_dead_letter_queues(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let queues: BTreeMap<_, _> = resources(template, "AWS::SQS::Queue").into_iter().collect();
    let dead: BTreeSet<_> =
        queues.values().filter_map(|q| target(&q["RedrivePolicy"]["deadLetterTargetArn"])).collect();
    for (id, queue) in queues.iter().filter(|(id, _)| !dead.contains(*id)) {
        let Some(last) = target(&queue["RedrivePolicy"]["deadLetterTargetArn"]).and_then(|d| queues.get(d))
        else {
            faults.push(format!("{id}: has no dead-letter queue"));
            continue;
        };
        if last["FifoQueue"] != queue["FifoQueue"] {
            faults.push(format!("{id}: its dead-letter queue is of another type"));
        }
        if number(template, &last["MessageRetentionPeriod"], &Overrides::new()) != Some(FOURTEEN_DAYS) {
            faults.push(format!("{id}: its dead-letter queue does not keep messages for 14 days"));
        }
        if number(template, &queue["RedrivePolicy"]["maxReceiveCount"], &Overrides::new())
            .is_none_or(|n| n < 5)
        {
            faults.push(format!("{id}: fewer than 5 receives before the dead-letter queue"));
        }
    }
    faults
}

/// A message stays hidden for six times the life of the function that works on it.
pub(crate) fn messages_stay_hidden_long_enough(template: &Value, overrides: &Overrides) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let inherited = &template["Globals"]["Function"]["Timeout"];
        let timeout = if function["Timeout"].is_null() { inherited } else { &function["Timeout"] };
        for event in events(function, "SQS") {
            let queue = target(&event["Queue"]).unwrap_or_default();
            let hidden = &template["Resources"][queue]["Properties"]["VisibilityTimeout"];
            match (number(template, timeout, overrides), number(template, hidden, overrides)) {
                (Some(timeout), Some(hidden)) if hidden >= 6 * timeout => {}
                (timeout, hidden) => {
                    faults.push(format!("{id}: timeout {timeout:?}, but {queue} hides for {hidden:?}"));
                }
            }
        }
    }
    faults
}

/// Every function has a role of its own, written out: SAM's would read every queue of the account.
pub(crate) fn every_function_has_its_own_role(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let mut seen = BTreeSet::new();
    for (id, function) in functions(template) {
        match target(&function["Role"]) {
            Some(role) if template["Resources"][role]["Type"] == "AWS::IAM::Role" => {
                if !seen.insert(role) {
                    faults.push(format!("{id}: shares {role}"));
                }
            }
            _ => faults.push(format!("{id}: has no role in this template")),
        }
    }
    faults
}

/// No statement allows everything, and a managed policy comes only with a VPC.
pub(crate) fn roles_allow_no_wildcard(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        let managed = &role["ManagedPolicyArns"];
        if !managed.is_null() && managed["Fn::If"][0] != "HasVpc" {
            faults.push(format!("{id}: a managed policy without a condition"));
        }
        for statement in statements(role) {
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

/// What a function may touch is what its environment and its events name, and its log group.
pub(crate) fn permissions_match_the_environment(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let variables = function["Environment"]["Variables"].as_object().into_iter().flatten();
        let mut named: BTreeSet<_> = variables
            .filter(|(name, _)| name.ends_with("_ARN") || name.ends_with("_URL"))
            .filter_map(|(_, value)| target(value))
            .collect();
        named.extend(events(function, "SQS").into_iter().filter_map(|e| target(&e["Queue"])));
        named.extend(target(&function["LoggingConfig"]["LogGroup"]));
        for (_, mapping) in resources(template, "AWS::Lambda::EventSourceMapping") {
            if target(&mapping["FunctionName"]) == Some(id) {
                let failure = &mapping["DestinationConfig"]["Fn::If"][1]["OnFailure"]["Destination"];
                let logins = many(&mapping["SourceAccessConfigurations"]);
                named.extend(logins.into_iter().filter_map(|login| target(&login["URI"])));
                named.extend([&mapping["EventSourceArn"], failure].into_iter().filter_map(target));
            }
        }
        // MSK takes only a secret that is encrypted by a key of its owner's: one is no use without the other.
        if named.contains("KafkaSecretArn") {
            named.insert("KafkaSecretKeyArn");
        }
        let role = &template["Resources"][target(&function["Role"]).unwrap_or_default()]["Properties"];
        // A resource that is no reference counts under no name, so that it is always a fault.
        let mentioned = statements(role).into_iter().flat_map(|s| many(&s["Resource"]));
        let allowed: BTreeSet<_> = mentioned.map(|r| target(r).unwrap_or("something unnamed")).collect();
        faults.extend(named.difference(&allowed).map(|x| format!("{id}: is told of {x} and may not use it")));
        faults.extend(allowed.difference(&named).map(|x| format!("{id}: may use {x} and is not told of it")));
    }
    faults
}

/// A group that Lambda makes by itself keeps its lines for ever.
pub(crate) fn every_function_has_a_log_group(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template) {
        let group = target(&function["LoggingConfig"]["LogGroup"]).unwrap_or_default();
        let group = &template["Resources"][group]["Properties"];
        if group["RetentionInDays"].is_null() {
            faults.push(format!("{id}: has no log group with a retention"));
        } else if group["LogGroupName"]["Fn::Sub"].as_str().map(|n| n.trim_start_matches("/aws/lambda/"))
            != function["FunctionName"]["Fn::Sub"].as_str()
        {
            faults.push(format!("{id}: its log group is not /aws/lambda/ and its name"));
        }
    }
    faults
}

pub(crate) fn functions_that_hash_have_memory(template: &Value) -> Faults {
    let memory = |stem: &str| {
        let function = &template["Resources"][format!("{}Function", pascal(stem))]["Properties"];
        number(template, &function["MemorySize"], &Overrides::new()).unwrap_or(0)
    };
    let short = HASHING.iter().filter(|stem| memory(stem) < 1024);
    short.map(|stem| format!("{stem}: hashes passwords with less than 1024 MB")).collect()
}

/// What a role allows, in whichever case it does.
fn statements(role: &Value) -> Vec<&Value> {
    many(&role["Policies"])
        .into_iter()
        .flat_map(|policy| many(&policy["PolicyDocument"]["Statement"]))
        .flat_map(|statement| match statement["Fn::If"].as_array() {
            Some(cases) => cases.iter().skip(1).collect(),
            None => vec![statement],
        })
        .filter(|statement| statement["Ref"] != "AWS::NoValue")
        .collect()
}

fn pascal(stem: &str) -> String {
    let word = |word: &str| {
        word.split_at_checked(1).map_or(String::new(), |(first, rest)| first.to_uppercase() + rest)
    };
    stem.split('-').map(word).collect()
}
