//! Events that their queue has dropped: the log names them, and an operator can send them again.

use std::time::Duration;

use app_core::{
    config::EventsBus,
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use test_support::{
    captured::Captured,
    pattern::{counts, filters},
};
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use crate::support::{consume, number, one, work};

/// Runs the daily task, and returns its warnings about events, which the alarm counts by the pattern in the template.
async fn warnings(app: &TestApp) -> Vec<Value> {
    let log = Captured::at(LevelFilter::WARN);
    assert!(work(app, &one("tasks-worker", r#"{"task": "recover_tasks"}"#)).await.is_empty());
    let text = log.finish();
    let client = app.database.client().await;
    client.batch_execute("delete from task where name = 'recover_tasks'").await.expect("deleted");
    let filters = filters();
    let (_, pattern) = filters.iter().find(|(id, _)| id == "LostEventsMetric").expect("the metric");
    let rung = text.lines().filter(|line| counts(pattern, line));
    rung.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// An event that was sent so many days ago.
async fn sent(app: &TestApp, days: f64) -> Uuid {
    let id = Uuid::now_v7();
    let body = json!({ "event": "user_created", "v": 1, "id": id, "data": { "uuid": id } }).to_string();
    let insert = "insert into outbox (id, queue, body, published_at)
                  values ($1, 'events', $2, now() - $3 * interval '1 day')";
    app.database.client().await.execute(insert, &[&id, &body, &days]).await.expect("a message");
    id
}

async fn handled(app: &TestApp, handler: &str, id: Uuid) {
    let insert = "insert into inbox (handler, message_id) values ($1, $2)";
    app.database.client().await.execute(insert, &[&handler, &id]).await.expect("a row");
}

#[tokio::test]
async fn an_event_that_no_handler_has_handled_is_named_when_its_queue_has_dropped_it() {
    let app = TestApp::new().await;
    // Four days and an hour is how long its queue may hold it.
    sent(&app, 4.0).await;
    let done = sent(&app, 4.5).await;
    handled(&app, "say_meow", done).await;
    assert!(warnings(&app).await.is_empty());

    let (lost, older) = (sent(&app, 4.5).await, sent(&app, 5.5).await);
    // The row of a handler that is not ours.
    handled(&app, "of_another_program", lost).await;
    let warned = warnings(&app).await;
    assert_eq!((warned.len(), &warned[0]["events"], &warned[0]["incomplete"]), (1, &json!(2), &json!(false)));
    assert_eq!(warned[0]["first"], format!("user_created {older}, user_created {lost}"));
}

/// `clean_up` may run first. An event that may be lost stays until two daily runs have looked for it, also with the
/// longest retention that the template allows.
#[tokio::test]
async fn an_event_that_may_be_lost_is_not_cleaned_up_before_it_is_reported() {
    let app = TestApp::with(|config| config.queues.retention = Duration::from_secs(6 * 86_400)).await;
    // A queue may keep it for 6 days and an hour.
    let kept = 6.0 + 1.0 / 24.0;
    let old = [kept + 2.0 - 0.01, kept + 1.0, kept + 0.99, kept + 0.01];
    let mut lost = Vec::new();
    for days in old {
        lost.push(format!("user_created {}", sent(&app, days).await));
    }
    sent(&app, 9.01).await;
    assert!(work(&app, &one("tasks-worker", r#"{"task": "clean_up"}"#)).await.is_empty());
    assert_eq!(number(&app, "select count(*) from outbox").await, 4, "the oldest has had its time");
    // The message of the next run has the same id.
    app.database.client().await.batch_execute("delete from task").await.expect("deleted");
    assert_eq!(warnings(&app).await[0]["first"], lost.join(", "));
}

#[tokio::test]
async fn of_many_lost_events_all_are_counted_and_some_are_named() {
    let app = TestApp::new().await;
    // More than one statement reads, many of them sent at one moment. Every tenth was handled.
    let fill = "insert into outbox (id, queue, body, published_at)
                select gen_random_uuid(), 'events', '{\"event\": \"user_created\", \"data\": {}}', now() - interval '5 days' + n % 2 * interval '1 hour'
                from generate_series(1, 2500) as n;
                insert into inbox (handler, message_id) select 'say_meow', id from outbox order by id limit 250;
                insert into outbox (id, queue, body, published_at) values (gen_random_uuid(), 'tasks', '{}', now() - interval '5 days')";
    app.database.client().await.batch_execute(fill).await.expect("messages");
    let warned = warnings(&app).await;
    assert_eq!((warned.len(), &warned[0]["events"]), (1, &json!(2_250)));
    let named = warned[0]["first"].as_str().expect("names").matches("user_created").count();
    assert_eq!(named, 20);
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_handled_and_no_longer_lost() {
    let app = TestApp::new().await;
    let lost = sent(&app, 4.5).await;
    assert_eq!(warnings(&app).await.len(), 1);
    let request = serde_json::from_value(json!({ "command": "outbox_resend", "ids": [lost] }));
    let soon = crate::support::in_a_minute();
    operations::handler(app.app.clone(), request.expect("a request"), soon).await.expect("resent");
    let schedule = event("outbox-relay").to_string();
    app_core::interfaces::invocation::respond(&app.app, outbox_relay::handler, &schedule, soon)
        .await
        .expect("relayed");
    let message = app.bus.take().pop().expect("a message");
    assert!(consume(&app, &one("events-consumer", &message.body)).await.is_empty());
    let age = "update outbox set published_at = now() - interval '4.5 days'";
    app.database.client().await.batch_execute(age).await.expect("aged");
    assert!(warnings(&app).await.is_empty());
}

/// A topic keeps its messages for another time, and their reader may be another program.
#[tokio::test]
async fn events_that_kafka_carries_are_not_looked_for() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.outbox.events = EventsBus::Kafka;
        }
    })
    .await;
    sent(&app, 4.5).await;
    assert!(warnings(&app).await.is_empty());
}
