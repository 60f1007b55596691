//! Queues lose no message: batches, dead-letter queues, and how long a message stays hidden.

use serde_json::{Value, json};

use super::{
    checks,
    document::{Overrides, environments, template},
    holds, refused,
};

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
    // One for each queue.
    assert_eq!(check(&broken).len(), 3);
    // Published rows are deleted after nine days: until then they say when a message was sent. A run looks for lost
    // events that were sent up to two days and an hour before that.
    let longest = template()["Parameters"]["QueueRetentionSeconds"]["MaxValue"].as_u64();
    assert!(longest.is_some_and(|seconds| seconds + 2 * 86_400 + 3_600 <= 9 * 86_400));
}

#[test]
fn a_message_stays_hidden_for_six_times_the_life_of_its_function() {
    let defaults = |template: &Value| checks::messages_stay_hidden_long_enough(template, &Overrides::new());
    holds(&defaults(&template()));
    let mut broken = template();
    broken["Parameters"]["TasksVisibilitySeconds"]["Default"] = json!(179);
    let fault =
        |queue| format!("{queue}WorkerFunction: timeout Some(30), but {queue}Queue hides for Some(179)");
    assert_eq!(defaults(&broken), [fault("Mail"), fault("Tasks")]);
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
    assert_eq!(checks::messages_stay_hidden_long_enough(&template(), &short).len(), 3);
}
