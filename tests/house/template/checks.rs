//! The rules of template.yaml that no linter knows. A check names each fault; no fault, no text.
//!
//! Add one here, then a test that it holds and one that it can fail in `template/mod.rs`.

use std::collections::{BTreeMap, BTreeSet};

use app_core::application::tasks::recover_tasks::DEAD_LETTERS_KEPT;
use catalogue::template::pascal;
use serde_json::Value;

use super::document::{Overrides, events, functions, many, number, resources, target};

pub(crate) type Faults = Vec<String>;

const FOURTEEN_DAYS: u64 = DEAD_LETTERS_KEPT.as_secs();

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

/// Every queue has a dead-letter queue of the same type, which keeps a message for 14 days.
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

/// The worker looks for lost messages by the retention that its queues really have.
pub(crate) fn lost_messages_are_known_by_the_retention_of_the_queues(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let worker = &template["Resources"]["TasksWorkerFunction"]["Properties"]["Environment"]["Variables"];
    let known = &worker["QUEUE_RETENTION_SECONDS"]["Ref"];
    let queues = resources(template, "AWS::SQS::Queue");
    for (id, queue) in queues.iter().filter(|(_, queue)| !queue["RedrivePolicy"].is_null()) {
        if known.is_null() || queue["MessageRetentionPeriod"]["Ref"] != *known {
            faults.push(format!("{id}: keeps messages for another time than the worker knows"));
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

/// A log group that Lambda creates automatically keeps its lines for ever.
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
