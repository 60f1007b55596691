use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{batch_of, consume, message_ids, number, one, tasks};

/// One for each event that was handled, as long as nothing runs them.
async fn meows(app: &TestApp) -> i64 {
    number(app, "select count(*) from task where name = 'say_meow' and state = 'queued'").await
}

#[tokio::test]
async fn an_event_becomes_its_tasks_on_the_tasks_queue() {
    let app = TestApp::new().await;
    assert!(consume(&app, &event("events-consumer")).await.is_empty());
    let sent: Vec<Value> =
        app.bus.take().iter().map(|m| serde_json::from_str(&m.body).expect("json")).collect();
    let user = "2bb58a19-2001-4a8b-a223-79b2ba7d5229";
    assert_eq!(sent.len(), 2);
    assert_eq!((&sent[0]["task"], &sent[0]["args"]), (&json!("say_meow"), &json!({ "to": user })));
    assert_eq!((&sent[1]["task"], &sent[1]["args"]), (&json!("welcome_mail"), &json!({ "user": user })));
    let client = app.database.client().await;
    for message in sent {
        assert_eq!(message["attempt"], 1);
        let query = "select state, args from task where id::text = $1";
        let row = client.query_one(query, &[&message["id"].as_str()]).await.expect("its row");
        assert_eq!(row.get::<_, String>(0), "queued");
        assert_eq!(row.get::<_, Value>(1), message["args"]);
    }
}

#[tokio::test]
async fn the_prototypes_bare_form_is_handled_too() {
    let app = TestApp::new().await;
    assert!(consume(&app, &event("events-consumer.bare")).await.is_empty());
    assert_eq!(meows(&app).await, 1);
}

#[tokio::test]
async fn an_event_that_comes_twice_starts_one_task() {
    let app = TestApp::new().await;
    for sample in ["events-consumer", "events-consumer.bare", "events-consumer", "events-consumer.bare"] {
        assert!(consume(&app, &event(sample)).await.is_empty());
    }
    assert_eq!(meows(&app).await, 2);
    assert_eq!(app.bus.take().len(), 4);
}

#[tokio::test]
async fn one_poisoned_message_leaves_its_nine_neighbours_handled() {
    let app = TestApp::new().await;
    let batch = event("events-consumer.one-poisoned");
    let failed = consume(&app, &batch).await;
    assert_eq!(failed, [message_ids(&batch)[4].clone()]);
    assert_eq!(meows(&app).await, 9);
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

/// An event as a foreign writer may spell it; `more` are further keys.
fn foreign(more: &str) -> String {
    format!(r#"{{"event": "user_created", "data": {{"uuid": "{}"}}{more}}}"#, uuid::Uuid::from_u128(7))
}

#[tokio::test]
async fn keys_that_only_logs_need_may_have_any_form() {
    let app = TestApp::new().await;
    let forms = [
        r#", "id": 123"#,
        r#", "id": "124", "trace": null"#,
        r#", "id": "125", "v": 1.0"#,
        r#", "id": "126", "v": null, "trace": 5"#,
        r#", "id": "127", "trace": {"request_id": 5}, "occurred_at": 5"#,
    ];
    for (n, more) in (1..).zip(forms) {
        // Twice: however its id is spelled, an event is handled once.
        for _ in 0..2 {
            assert!(consume(&app, &one("events-consumer", &foreign(more))).await.is_empty(), "{more}");
        }
        assert_eq!(meows(&app).await, n, "{more}");
    }
    // The number is its own text.
    assert!(consume(&app, &one("events-consumer", &foreign(r#", "id": "123""#))).await.is_empty());
    assert_eq!(meows(&app).await, 5);
}

#[tokio::test]
async fn an_id_that_could_be_taken_for_another_one_is_refused() {
    let app = TestApp::new().await;
    for id in ["true", "[]", "{}", "1.5", "18446744073709551616", "123456789012345678901234567890"] {
        let body = foreign(&format!(r#", "id": {id}"#));
        assert_eq!(consume(&app, &one("events-consumer", &body)).await.len(), 1, "{id}");
    }
    for v in ["2", "1.5", r#""1""#, "99999999999"] {
        let body = foreign(&format!(r#", "v": {v}"#));
        assert_eq!(consume(&app, &one("events-consumer", &body)).await.len(), 1, "{v}");
    }
    assert_eq!(meows(&app).await, 0);
}

#[tokio::test]
async fn an_empty_id_identifies_nothing() {
    let app = TestApp::new().await;
    for message in ["m-1", "m-2", "m-2"] {
        let batch = batch_of(&[(message.to_owned(), foreign(r#", "id": """#))], 1);
        assert!(consume(&app, &batch).await.is_empty());
    }
    assert_eq!(meows(&app).await, 2);
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
        .query_one(
            "select count(*) from outbox where published_at is null and queue in ('tasks', 'mail')",
            &[],
        )
        .await
        .expect("a count")
        .get(0);
    assert_eq!((meows(&app).await, waiting), (1, 2));
}
