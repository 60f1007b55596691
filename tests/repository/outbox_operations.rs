//! What an operator is told of the outbox, and what sets parked messages free; through the function
//! `operations`.

use app_core::testing::TestApp;
use serde_json::json;
use uuid::Uuid;

use crate::support::operate;

/// As the relay parks a message.
const PARKED: &str = "parked_at, refusals, due_at";

/// Inserts a row of the outbox. `columns` and `values` are the ones that the test needs.
async fn row(app: &TestApp, columns: &str, values: &str) -> Uuid {
    let id = Uuid::now_v7();
    let insert = format!(
        "insert into outbox (id, queue, body, {columns}) values ('{id}', 'events', '{{\"secret\": 1}}', {values})"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a row");
    id
}

#[tokio::test]
async fn an_empty_outbox_has_no_oldest_message() {
    let app = TestApp::new().await;
    let status = operate(&app, &json!({ "command": "outbox_status" })).await.expect("a status");
    assert_eq!(
        status,
        json!({
            "count_limit": 10_000, "unpublished": 0, "due": 0, "leased_or_pausing": 0, "for_later": 0, "oldest_seconds": null,
            "published_last_hour": 0, "parked": 0, "behind_parked": 0, "newest_parked": [],
        })
    );
}

#[tokio::test]
async fn each_message_is_counted_as_what_it_waits_for() {
    let app = TestApp::new().await;
    row(&app, "created_at", "now() - interval '90 seconds'").await;
    row(&app, "due_at, lease_by", "now() + interval '30 seconds', gen_random_uuid()").await;
    row(&app, "due_at, attempts", "now() + interval '5 minutes', 3").await;
    // Written long ago, but it is not late: its moment has not come.
    let later = "now() - interval '2 days', now() + interval '1 day', now() + interval '1 day'";
    row(&app, "created_at, deliver_at, due_at", later).await;
    row(&app, "group_key", "'a'").await;
    let old = row(
        &app,
        "parked_at, refusals, last_error, group_key, created_at, due_at",
        "now() - interval '1 hour', 10, 'too long', 'a', now() - interval '3 days', 'infinity'",
    )
    .await;
    let new = row(&app, PARKED, "now(), 10, 'infinity'").await;
    row(&app, "published_at", "now() - interval '59 minutes'").await;
    row(&app, "published_at, parked_at", "now() - interval '2 hours', null").await;

    let status = operate(&app, &json!({ "command": "outbox_status" })).await.expect("a status");
    let count = |key: &str| status[key].as_i64().unwrap_or_else(|| panic!("{key}: {status:#}"));
    let counts = [
        "unpublished",
        "due",
        "leased_or_pausing",
        "for_later",
        "parked",
        "behind_parked",
        "published_last_hour",
    ];
    assert_eq!(counts.map(count), [7, 2, 2, 1, 2, 1, 1], "{status:#}");
    let oldest = status["oldest_seconds"].as_f64().expect("a number");
    assert!((90.0..150.0).contains(&oldest), "parked and future messages are not late: {oldest}");
    let parked = status["newest_parked"].as_array().expect("a list");
    assert_eq!(parked.iter().map(|p| &p["id"]).collect::<Vec<_>>(), [&json!(new), &json!(old)]);
    assert_eq!((&parked[1]["group"], &parked[1]["last_error"]), (&json!("a"), &json!("too long")));
    assert!(!status.to_string().contains("secret"), "no body is shown");
}

#[tokio::test]
async fn unparking_frees_what_is_parked_and_names_the_rest() {
    let app = TestApp::new().await;
    let parked = row(&app, PARKED, "now(), 10, 'infinity'").await;
    let not_asked_for = row(&app, PARKED, "now(), 10, 'infinity'").await;
    let waiting = row(&app, "refusals", "3").await;
    let sent = row(&app, "published_at, parked_at", "now(), now()").await;
    let unknown = Uuid::now_v7();
    let ids = [parked, waiting, sent, unknown, parked];
    let response =
        operate(&app, &json!({ "command": "outbox_unpark", "ids": ids })).await.expect("a response");
    assert_eq!(
        response,
        json!({ "unparked": [parked], "not_parked": [waiting, sent], "unknown": [unknown], "more": false })
    );
    let client = app.database.client().await;
    let query = "select parked_at is null and due_at <= now() and lease_by is null, refusals from outbox where id = $1";
    let freed = client.query_one(query, &[&parked]).await.expect("the row");
    assert_eq!((freed.get(0), freed.get(1)), (true, 0));
    for (id, refusals) in [(waiting, 3), (not_asked_for, 10)] {
        let untouched = client.query_one(query, &[&id]).await.expect("the row");
        assert_eq!(untouched.get::<_, i32>(1), refusals);
    }

    for _ in 0..3 {
        row(&app, PARKED, "now(), 10, 'infinity'").await;
    }
    let all = operate(&app, &json!({ "command": "outbox_unpark", "all": true })).await.expect("a response");
    assert_eq!(all["unparked"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn very_many_are_counted_to_a_limit_and_unparked_in_steps() {
    let app = TestApp::new().await;
    let fill = "insert into outbox (id, queue, body, parked_at, refusals, due_at)
                select gen_random_uuid(), 'events', '{}', now(), 10, 'infinity' from generate_series(1, 10500)";
    app.database.client().await.batch_execute(fill).await.expect("rows");
    let status = operate(&app, &json!({ "command": "outbox_status" })).await.expect("a status");
    assert_eq!((&status["parked"], &status["unpublished"]), (&json!(10_000), &json!(10_000)));
    let mut steps = Vec::new();
    loop {
        let step =
            operate(&app, &json!({ "command": "outbox_unpark", "all": true })).await.expect("a response");
        steps.push(step["unparked"].as_array().map_or(0, Vec::len));
        if step["more"] == false {
            break;
        }
        assert!(steps.len() < 100, "the steps do not end: {steps:?}");
    }
    // The last one finds nothing: a short step can also mean that another operator was faster.
    assert_eq!((steps.len(), steps.iter().sum::<usize>()), (12, 10_500), "{steps:?}");
}

#[tokio::test]
async fn an_event_that_was_sent_can_be_sent_again() {
    let app = TestApp::new().await;
    let sent = row(&app, "published_at, attempts, due_at", "now() - interval '5 days', 3, now()").await;
    let waits = row(&app, "due_at", "now() + interval '1 hour'").await;
    let parked = row(&app, PARKED, "now(), 10, 'infinity'").await;
    let task = row(&app, "published_at", "now()").await;
    let client = app.database.client().await;
    let change = "update outbox set queue = 'tasks' where id = $1";
    client.execute(change, &[&task]).await.expect("a task's message");
    let unknown = Uuid::now_v7();
    let ids = [sent, waits, parked, task, unknown];
    let response =
        operate(&app, &json!({ "command": "outbox_resend", "ids": ids })).await.expect("a response");
    assert_eq!(response, json!({ "resent": [sent], "refused": [waits, parked, task, unknown] }));
    let due = "select id from outbox where published_at is null and due_at <= now()";
    let due: Vec<Uuid> = client.query(due, &[]).await.expect("rows").iter().map(|row| row.get(0)).collect();
    assert_eq!(due, [sent]);
}

#[tokio::test]
async fn an_order_that_says_nothing_or_two_things_is_refused() {
    let app = TestApp::new().await;
    for event in [
        json!({ "command": "outbox_unpark" }),
        json!({ "command": "outbox_unpark", "ids": [Uuid::now_v7()], "all": true }),
        json!({ "command": "outbox_unpark", "ids": ["one"] }),
        json!({ "command": "outbox_delete" }),
        json!({ "command": "dead_letters", "queue": "other", "message_ids": [] }),
    ] {
        assert!(operate(&app, &event).await.is_err(), "{event}");
    }
}

#[tokio::test]
async fn the_reasons_are_those_of_the_queue_that_was_named() {
    let app = TestApp::new().await;
    let insert = "insert into dead_letter (queue, message_id, name, reason) values
                  ('tasks', 'a', 'say_meow', 'first'), ('events', 'a', null, 'other'), ('tasks', 'b', null, 'second')";
    app.database.client().await.batch_execute(insert).await.expect("rows");
    let event = json!({ "command": "dead_letters", "queue": "tasks", "message_ids": ["a", "c"] });
    let response = operate(&app, &event).await.expect("a response");
    let letters = response["dead_letters"].as_array().expect("a list");
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0]["name"], &letters[0]["reason"]), (&json!("say_meow"), &json!("first")));
}
