//! A schedule puts a task that exists onto the tasks queue, and may.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::checks::Faults;
use super::document::{many, resources, target, template};
use super::{holds, refused};

/// The names of the tasks, from their files.
fn tasks() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/application/tasks");
    let texts = fs::read_dir(folder).expect("the tasks").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() { None } else { fs::read_to_string(path).ok() }
    });
    let names = texts.flat_map(|text| {
        let names = text.split("const NAME: &'static str = \"").skip(1);
        names.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect::<Vec<_>>()
    });
    names.collect()
}

/// The rules that send to a queue, by logical id, with their targets there.
fn schedules(template: &Value) -> Vec<(&str, &Value)> {
    let queues: BTreeSet<_> = resources(template, "AWS::SQS::Queue").into_iter().map(|(id, _)| id).collect();
    resources(template, "AWS::Events::Rule")
        .into_iter()
        .flat_map(|(id, rule)| many(&rule["Targets"]).into_iter().map(move |t| (id, t)))
        .filter(|(_, to)| target(&to["Arn"]).is_some_and(|queue| queues.contains(queue)))
        .collect()
}

/// The message is a task's, and carries what its id follows from: the schedule and the rule's time.
fn schedules_name_tasks_and_carry_their_time(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let (tasks, mut names) = (tasks(), BTreeSet::new());
    for (id, to) in schedules(template) {
        let transformer = &to["InputTransformer"];
        // A variable of the template stands without quotes: EventBridge puts them.
        let text = transformer["InputTemplate"].as_str().unwrap_or_default().replace("<time>", "\"<time>\"");
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        let task = message["task"].as_str().unwrap_or_default();
        if !tasks.contains(task) {
            faults.push(format!("{id}: there is no task {task:?}"));
        }
        if transformer["InputPathsMap"]["time"] != "$.time" || message["time"] != "<time>" {
            faults.push(format!("{id}: the message does not carry the rule's time"));
        }
        if !message["schedule"].as_str().is_some_and(|name| !name.is_empty() && names.insert(name.to_owned()))
        {
            faults.push(format!("{id}: the message names no schedule, or another one's"));
        }
        if target(&to["Arn"]) != Some("TasksQueue") {
            faults.push(format!("{id}: sends a task to another queue"));
        }
    }
    faults
}

/// Only the rule of a schedule may send to its queue. A policy that names only the service would allow any rule.
fn schedules_may_send(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let mut allowed: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (id, policy) in resources(template, "AWS::SQS::QueuePolicy") {
        for statement in many(&policy["PolicyDocument"]["Statement"]) {
            let sources = many(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]);
            if sources.is_empty() || sources.iter().any(|source| target(source).is_none()) {
                faults.push(format!("{id}: allows more than the rules of this template"));
            }
            if statement["Action"] != "sqs:SendMessage"
                || statement["Principal"] != json!({ "Service": "events.amazonaws.com" })
            {
                faults.push(format!("{id}: allows somebody else, or something else than to send"));
            }
            let named: BTreeSet<_> = many(&policy["Queues"]).into_iter().filter_map(target).collect();
            for queue in many(&statement["Resource"]).into_iter().filter_map(target) {
                if !named.contains(queue) {
                    faults.push(format!("{id}: is not attached to {queue}"));
                }
                allowed.extend(sources.iter().filter_map(|source| Some((target(source)?, queue))));
            }
        }
    }
    let wanted: BTreeSet<_> =
        schedules(template).into_iter().filter_map(|(id, to)| Some((id, target(&to["Arn"])?))).collect();
    faults
        .extend(wanted.difference(&allowed).map(|(rule, queue)| format!("{rule}: may not send to {queue}")));
    faults.extend(
        allowed.difference(&wanted).map(|(rule, queue)| format!("{rule}: may send to {queue} and does not")),
    );
    faults
}

#[test]
fn every_schedule_names_a_task_and_carries_the_time_of_its_rule() {
    let check = schedules_name_tasks_and_carry_their_time;
    assert!(schedules(&template()).len() >= 2, "the template has no schedules any more");
    holds(&check(&template()));
    let input = "/Resources/SayMeowSchedule/Properties/Targets/0/InputTransformer";
    let text = format!("{input}/InputTemplate");
    let message = |text: &str| json!(text);
    let other = message(r#"{"task":"say_woof","args":{},"schedule":"say-meow","time":<time>}"#);
    refused(check, &text, other, r#"SayMeowSchedule: there is no task "say_woof""#);
    let timeless = message(r#"{"task":"say_meow","args":{},"schedule":"say-meow","time":"now"}"#);
    refused(check, &text, timeless, "SayMeowSchedule: the message does not carry the rule's time");
    let nameless = message(r#"{"task":"say_meow","args":{},"time":<time>}"#);
    refused(check, &text, nameless, "SayMeowSchedule: the message names no schedule, or another one's");
    // With quotes around it the time would be quoted twice.
    let quoted = message(r#"{"task":"say_meow","args":{},"schedule":"say-meow","time":"<time>"}"#);
    let mut broken = template();
    *broken.pointer_mut(&text).expect("the input") = quoted;
    assert!(!check(&broken).is_empty());
    let fault = "SayMeowSchedule: the message does not carry the rule's time";
    refused(check, &format!("{input}/InputPathsMap/time"), json!("$.detail.time"), fault);
    let events = json!({ "Fn::GetAtt": ["EventsQueue", "Arn"] });
    let fault = "SayMeowSchedule: sends a task to another queue";
    refused(check, "/Resources/SayMeowSchedule/Properties/Targets/0/Arn", events, fault);
}

#[test]
fn the_queue_takes_messages_of_the_schedules_and_of_no_other_rule() {
    let check = schedules_may_send;
    holds(&check(&template()));
    let statement = "/Resources/SchedulesQueuePolicy/Properties/PolicyDocument/Statement/0";
    let source = format!("{statement}/Condition/ArnEquals/aws:SourceArn");
    let some = json!(
        ["SayMeowSchedule", "EraseUsersSchedule", "RecoverTasksSchedule"]
            .map(|rule| json!({ "Fn::GetAtt": [rule, "Arn"] }))
    );
    refused(check, &source, some, "CleanUpSchedule: may not send to TasksQueue");
    let fault = "SchedulesQueuePolicy: allows somebody else, or something else than to send";
    refused(check, &format!("{statement}/Action"), json!("sqs:*"), fault);
    refused(check, &format!("{statement}/Principal"), json!("*"), fault);
    let fault = "SchedulesQueuePolicy: is not attached to TasksQueue";
    refused(check, "/Resources/SchedulesQueuePolicy/Properties/Queues", json!([]), fault);

    let mut broken = template();
    *broken.pointer_mut(&format!("{statement}/Condition")).expect("a condition") = Value::Null;
    assert!(
        check(&broken)
            .contains(&"SchedulesQueuePolicy: allows more than the rules of this template".to_owned())
    );
}
