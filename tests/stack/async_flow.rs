//! Events and tasks through the real queues.

use std::time::Duration;

use app_core::{
    config::Config,
    infrastructure::messaging::{Bus, Outgoing, Queue, SqsBus, envelope::EventMessage},
};
use aws_sdk_sqs::types::{SendMessageBatchRequestEntry, SendMessageBatchResultEntry};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{database, eventually, meows, new_address, setting, sign_up, sqs};

const A_WHILE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_ends_in_a_task_that_succeeded() {
    let user = sign_up(&new_address());
    eventually("its task succeeded", A_WHILE, async || meows(std::slice::from_ref(&user)).await == 1).await;
    let row = database()
        .await
        .query_one(
            "select attempt, result ->> 'said', finished_at is not null from task where args ->> 'to' = $1",
            &[&user],
        )
        .await
        .expect("one task");
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, String>(1), row.get::<_, bool>(2)),
        (1, "meow".into(), true)
    );
    // Both messages went through SQS: nothing else marks their rows as published.
    let row = database().await
        .query_one(
            "select event.body::jsonb ->> 'id', event.published_at is not null and task.published_at is not null
             from outbox as event, outbox as task
             where event.queue = 'events' and event.body::jsonb -> 'data' ->> 'uuid' = $1
               and task.queue = 'tasks' and task.body::jsonb -> 'args' ->> 'to' = $1",
            &[&user],
        )
        .await.expect("one event and one task message");
    let (event, published): (String, bool) = (row.get(0), row.get(1));
    assert!(published);
    let handled = "select count(*) from inbox where message_id::text = $1";
    let handled: i64 = database().await.query_one(handled, &[&event]).await.expect("a count").get(0);
    assert_eq!(handled, 2, "each handler of the event knows that it is done");
}

/// Whether a message with this body waits there. Others may look at the same queue.
async fn holds(queue: &str, body: &str) -> bool {
    let received = sqs().receive_message().queue_url(queue).max_number_of_messages(10).visibility_timeout(1);
    let received = received.send().await.expect("received");
    received.messages().iter().any(|message| message.body() == Some(body))
}

/// Why it was refused.
async fn reason(body_name: &str) -> Option<String> {
    let query = "select reason from dead_letter where name = $1";
    database().await.query_opt(query, &[&body_name]).await.expect("a query").map(|row| row.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_with_one_poisoned_message_nine_are_applied_and_one_is_dead_lettered() {
    let (queue, dead) = (setting("TASKS_QUEUE_URL"), setting("TASKS_DLQ_URL"));
    let users: Vec<String> = (0..9).map(|_| Uuid::new_v4().to_string()).collect();
    let unknown = format!("say_moo_{}", Uuid::new_v4().simple());
    let poison = json!({ "task": unknown }).to_string();
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
    eventually("the tenth is in the dead-letter queue, unchanged", A_WHILE, async || {
        holds(&dead, &poison).await
    })
    .await;
    assert!(reason(&unknown).await.is_some_and(|why| why.contains("no task with this name")));
    let attempts: i64 = database()
        .await
        .query_one("select sum(attempt)::bigint from task where args ->> 'to' = any($1)", &[&users])
        .await
        .expect("a sum")
        .get(0);
    assert_eq!(attempts, 9, "the poisoned neighbour made nobody run twice");
    // One more visibility later nothing has followed it: the other nine were taken off the queue.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(meows(&users).await, 9);
    let ours: Vec<_> = sent.successful().iter().map(SendMessageBatchResultEntry::message_id).collect();
    let letters = "select count(*) from dead_letter where message_id = any($1)";
    let letters: i64 = database().await.query_one(letters, &[&ours]).await.expect("a count").get(0);
    assert_eq!(letters, 1, "the tenth");
    assert!(!holds(&queue, &poison).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_handles_ends_in_the_dead_letter_queue_with_its_reason() {
    let (queue, dead) = (setting("EVENTS_QUEUE_URL"), setting("EVENTS_DLQ_URL"));
    let unknown = format!("user_teleported_{}", Uuid::new_v4().simple());
    let body = json!({ "event": unknown, "data": {} }).to_string();
    sqs().send_message().queue_url(&queue).message_body(&body).send().await.expect("sent");
    eventually("it is dead-lettered", A_WHILE, async || holds(&dead, &body).await).await;
    assert!(reason(&unknown).await.is_some_and(|why| why.contains("no handler")));
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_that_sqs_refuses_arrive_as_escapes() {
    let name = format!("characters-{}", Uuid::new_v4().simple());
    let url =
        sqs().create_queue().queue_name(name).send().await.expect("a queue").queue_url.expect("its address");
    let config = Config::read(
        |_| false,
        |key| match key {
            "LAUNCH_MODE" => Some("LOCAL".to_owned()),
            "PROJECT_NAME" => Some("APP".to_owned()),
            "EVENTS_QUEUE_URL" => Some(url.clone()),
            "AWS_ENDPOINT_URL" => Some(setting("AWS_ENDPOINT_URL")),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        },
    )
    .expect("a configuration");
    let bus = SqsBus::new(&config.aws, config.queues).expect("a bus");
    let text: String = ('\0'..='\u{ff}')
        .chain(['\u{d7ff}', '\u{e000}', '\u{fffd}', '\u{fffe}', '\u{ffff}', '\u{1ffff}'])
        .collect();
    let body = EventMessage::named("e", 1, json!({ "text": text })).and_then(|m| m.to_json()).expect("json");
    let message = |body: String| {
        let (id, queue, delay) = (Uuid::now_v7(), Queue::Events, Duration::ZERO);
        Outgoing { id, queue, body, group: None, delay }
    };
    let sent = bus.send(Queue::Events, &[message(body.clone())]).await.expect("the queue answers");
    assert_eq!((sent.accepted.len(), sent.refused.len()), (1, 0), "{sent:?}");
    let received = sqs().receive_message().queue_url(&url).send().await.expect("received");
    let arrived: Value = serde_json::from_str(received.messages()[0].body().expect("a body")).expect("json");
    assert_eq!(arrived["data"]["text"], text.as_str());
    // Raw, as older versions wrote them, this queue refuses them as SQS does.
    let raw =
        bus.send(Queue::Events, &[message("{\"x\": \"\u{ffff}\"}".to_owned())]).await.expect("a response");
    assert_eq!(raw.accepted.len(), 0, "{raw:?}");
}
