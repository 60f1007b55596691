use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{consume, message_ids, one, tasks};

#[tokio::test]
async fn an_event_becomes_a_task_on_the_tasks_queue() {
    let app = TestApp::new().await;
    assert!(consume(&app, &event("events-consumer")).await.is_empty());
    let sent = app.bus.take();
    assert_eq!(sent.len(), 1);
    let message: Value = serde_json::from_str(&sent[0].body).expect("json");
    assert_eq!((&message["task"], &message["attempt"]), (&json!("say_meow"), &json!(1)));
    assert_eq!(message["args"], json!({ "to": "2bb58a19-2001-4a8b-a223-79b2ba7d5229" }));
    let row = app
        .database
        .client()
        .await
        .query_one("select id, state, args from task", &[])
        .await
        .expect("one task");
    assert_eq!(json!(row.get::<_, uuid::Uuid>(0)), message["id"]);
    assert_eq!(row.get::<_, String>(1), "queued");
    assert_eq!(row.get::<_, Value>(2), message["args"]);
}

#[tokio::test]
async fn the_prototypes_bare_form_is_handled_too() {
    let app = TestApp::new().await;
    assert!(consume(&app, &event("events-consumer.bare")).await.is_empty());
    assert_eq!(tasks(&app, "queued").await, 1);
}

#[tokio::test]
async fn an_event_that_comes_twice_starts_one_task() {
    let app = TestApp::new().await;
    for sample in ["events-consumer", "events-consumer.bare", "events-consumer", "events-consumer.bare"] {
        assert!(consume(&app, &event(sample)).await.is_empty());
    }
    assert_eq!(tasks(&app, "queued").await, 2);
    assert_eq!(app.bus.take().len(), 2);
}

#[tokio::test]
async fn one_poisoned_message_leaves_its_nine_neighbours_handled() {
    let app = TestApp::new().await;
    let batch = event("events-consumer.one-poisoned");
    let failed = consume(&app, &batch).await;
    assert_eq!(failed, [message_ids(&batch)[4].clone()]);
    assert_eq!(tasks(&app, "queued").await, 9);
}

#[tokio::test]
async fn what_nobody_can_handle_is_refused_and_changes_nothing() {
    let app = TestApp::new().await;
    assert_eq!(consume(&app, &event("events-consumer.unknown-event")).await.len(), 1);
    for body in [
        "",
        "meow",
        "[]",
        "{}",
        r#"{"event": "user_created"}"#,
        r#"{"event": "user_created", "data": {}}"#,
        r#"{"event": "user_created", "data": {"uuid": "x"}}"#,
    ] {
        assert_eq!(consume(&app, &one("events-consumer", body)).await.len(), 1, "{body}");
    }
    assert_eq!(tasks(&app, "queued").await, 0);
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn with_the_queue_down_the_task_waits_in_the_outbox() {
    let app = TestApp::new().await;
    app.bus.set_down(true);
    assert!(consume(&app, &event("events-consumer")).await.is_empty());
    let waiting: i64 = app
        .database
        .client()
        .await
        .query_one("select count(*) from outbox where published_at is null and queue = 'tasks'", &[])
        .await
        .expect("a count")
        .get(0);
    assert_eq!((tasks(&app, "queued").await, waiting), (1, 1));
}
