//! Messages that operators give up, in the outbox and in a dead-letter queue.

use app_core::testing::TestApp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::task_operations::{audited, change, row, task};
use crate::support::operate;

/// A parked message in the outbox.
async fn parked(app: &TestApp, queue: &str, body: &Value, group: &str) -> Uuid {
    let id = Uuid::now_v7();
    let insert = "insert into outbox (id, queue, body, group_key, parked_at, due_at, refusals)
                  values ($1, $2, $3, nullif($4, ''), now(), 'infinity', 10)";
    let client = app.database.client().await;
    client.execute(insert, &[&id, &queue, &body.to_string(), &group]).await.expect("a row");
    id
}

#[tokio::test]
async fn a_dropped_message_frees_its_group_and_ends_its_task() {
    let app = TestApp::new().await;
    let event = parked(&app, "events", &json!({ "event": "user_created", "data": {} }), "g").await;
    let behind =
        "insert into outbox (id, queue, body, group_key) values (gen_random_uuid(), 'events', '{}', 'g')";
    app.database.client().await.batch_execute(behind).await.expect("a row");
    let waits = task(&app, "say_meow", "retrying", "", "").await;
    let message = parked(&app, "tasks", &json!({ "task": "say_meow", "id": waits, "attempt": 2 }), "").await;
    // Of an attempt that is not the present one.
    let goes_on = task(&app, "say_meow", "retrying", "", "").await;
    let old = parked(&app, "tasks", &json!({ "task": "say_meow", "id": goes_on, "attempt": 1 }), "").await;
    let not_parked = Uuid::now_v7();
    let insert = format!("insert into outbox (id, queue, body) values ('{not_parked}', 'events', '{{}}')");
    app.database.client().await.batch_execute(&insert).await.expect("a row");
    let unknown = Uuid::now_v7();

    let response = change(&app, "outbox_drop", &[event, message, old, not_parked, unknown]).await;
    assert_eq!((&response["not_parked"], &response["unknown"]), (&json!([not_parked]), &json!([unknown])));
    assert_eq!(response["dropped"].as_array().map(Vec::len), Some(3));
    let actions: Vec<String> = audited(&app).await.into_iter().map(|(action, ..)| action).collect();
    let count = |word: &str| actions.iter().filter(|action| *action == word).count();
    assert_eq!((count("outbox_message_dropped"), count("task_cancelled")), (3, 1));
    assert_eq!(
        (row(&app, waits).await.0, row(&app, goes_on).await.0),
        ("cancelled".into(), "retrying".into())
    );
    let status = operate(&app, &json!({ "command": "outbox_status" })).await.expect("a status");
    assert_eq!(
        (&status["parked"], &status["behind_parked"], &status["due"]),
        (&json!(0), &json!(0), &json!(2))
    );
}

#[tokio::test]
async fn a_dropped_dead_letter_leaves_a_note_and_ends_its_task() {
    let app = TestApp::new().await;
    let waits = task(&app, "say_meow", "queued", ", set_aside_at", ", now()").await;
    let drop = async |queue: &str, message_id: &str, body: &str| {
        let event =
            json!({ "command": "dead_letter_drop", "queue": queue, "message_id": message_id, "body": body });
        operate(&app, &event).await
    };
    let body = json!({ "task": "say_meow", "id": waits, "attempt": 2 }).to_string();
    assert_eq!(drop("tasks", "m-1", &body).await, Ok(json!({ "noted": true })));
    assert_eq!(row(&app, waits).await.0, "cancelled");
    assert_eq!(drop("events", "m-2", "no JSON\0").await, Ok(json!({ "noted": true })));
    let long = json!({ "event": "e".repeat(5_000), "data": {} }).to_string();
    assert_eq!(drop("events", "m-3", &long).await, Ok(json!({ "noted": true })));
    assert!(drop("other", "m-4", "{}").await.is_err());
    let notes = audited(&app).await;
    let named = |n: usize| (notes[n].0.as_str(), notes[n].1["message"].as_str().unwrap_or_default());
    let letters: Vec<usize> = (0..notes.len()).filter(|n| notes[*n].0 == "dead_letter_dropped").collect();
    assert_eq!(letters.iter().map(|n| named(*n).1).collect::<Vec<_>>(), ["m-1", "m-2", "m-3"]);
    assert_eq!(notes[letters[2]].1["name"].as_str().map(str::len), Some(200));
}
