//! Events and tasks through the real queues.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde_json::json;
use uuid::Uuid;

use crate::support::{database, eventually, meows, messages_in, new_address, setting, sign_up, sqs};

const A_WHILE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_ends_in_a_task_that_succeeded() {
    let user = sign_up(&new_address());
    eventually("its task succeeded", A_WHILE, async || meows(std::slice::from_ref(&user)).await == 1).await;
    let row = database()
        .await
        .query_one(
            "select attempts, result ->> 'said', finished_at is not null from task where args ->> 'to' = $1",
            &[&user],
        )
        .await
        .expect("one task");
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, String>(1), row.get::<_, bool>(2)),
        (1, "meow".into(), true)
    );
    // Both messages went through SQS: nothing else marks their rows as published, and the task's
    // id follows from the event's, which only its consumer knows.
    let row = database().await
        .query_one(
            "select event.body::jsonb ->> 'id', task.body::jsonb ->> 'id', event.published_at is not null and task.published_at is not null
             from outbox as event, outbox as task
             where event.queue = 'events' and event.body::jsonb -> 'data' ->> 'uuid' = $1
               and task.queue = 'tasks' and task.body::jsonb -> 'args' ->> 'to' = $1",
            &[&user],
        )
        .await.expect("one event and one task message");
    let (event, task): (String, String) = (row.get(0), row.get(1));
    let expected = Uuid::new_v5(&Uuid::parse_str(&event).expect("a uuid"), b"say_meow");
    assert_eq!((task, row.get::<_, bool>(2)), (expected.to_string(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_with_one_poisoned_message_nine_are_applied_and_one_is_dead_lettered() {
    let (queue, dead) = (setting("TASKS_QUEUE_URL"), setting("TASKS_DLQ_URL"));
    let users: Vec<String> = (0..9).map(|_| Uuid::new_v4().to_string()).collect();
    let before = messages_in(&dead).await;
    let poison = format!("poison {}", Uuid::new_v4());
    let bodies = users
        .iter()
        .map(|user| json!({ "task": "say_meow", "args": { "to": user } }).to_string())
        .chain([poison.clone()]);
    let entries = bodies.enumerate().map(|(n, body)| {
        SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body(body)
            .build()
            .expect("an entry")
    });
    let sent = sqs()
        .send_message_batch()
        .queue_url(&queue)
        .set_entries(Some(entries.collect()))
        .send()
        .await
        .expect("sent");
    assert_eq!(sent.successful().len(), 10);

    eventually("nine tasks succeeded", A_WHILE, async || meows(&users).await == 9).await;
    eventually("one message is in the dead-letter queue", A_WHILE, async || {
        messages_in(&dead).await == before + 1
    })
    .await;
    let attempts: i64 = database()
        .await
        .query_one("select sum(attempts)::bigint from task where args ->> 'to' = any($1)", &[&users])
        .await
        .expect("a sum")
        .get(0);
    assert_eq!(attempts, 9, "the poisoned neighbour made nobody run twice");
    // One more visibility later nothing has followed it: the other nine were taken off the queue.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!((messages_in(&queue).await, messages_in(&dead).await), (0, before + 1));
    let found = sqs()
        .receive_message()
        .queue_url(&dead)
        .max_number_of_messages(10)
        .visibility_timeout(1)
        .send()
        .await;
    let bodies: Vec<String> =
        found.expect("received").messages().iter().filter_map(|m| m.body().map(str::to_owned)).collect();
    assert!(bodies.contains(&poison), "the message is unchanged: {bodies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_handles_ends_in_the_dead_letter_queue() {
    let (queue, dead) = (setting("EVENTS_QUEUE_URL"), setting("EVENTS_DLQ_URL"));
    let before = messages_in(&dead).await;
    let body = json!({ "event": "user_teleported", "data": {} }).to_string();
    sqs().send_message().queue_url(&queue).message_body(body).send().await.expect("sent");
    eventually("it is dead-lettered", A_WHILE, async || messages_in(&dead).await == before + 1).await;
}
