use std::time::{Duration, Instant};

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{call_until, message_ids, number, one, tasks, work};

#[tokio::test]
async fn a_task_runs_and_its_row_says_so() {
    let app = TestApp::new().await;
    let to = uuid::Uuid::from_u128(7);
    let body =
        json!({ "task": "say_meow", "args": { "to": to }, "id": uuid::Uuid::from_u128(1), "attempt": 1 });
    assert!(work(&app, &one("tasks-worker", &body.to_string())).await.is_empty());
    let row = app
        .database
        .client()
        .await
        .query_one("select id, name, state, attempt, result, error, finished_at is not null from task", &[])
        .await
        .expect("one task");
    assert_eq!(row.get::<_, uuid::Uuid>(0), uuid::Uuid::from_u128(1));
    assert_eq!(
        (row.get::<_, String>(1), row.get::<_, String>(2), row.get::<_, i32>(3)),
        ("say_meow".into(), "succeeded".into(), 1)
    );
    assert_eq!(row.get::<_, Value>(4), json!({ "said": "meow", "to": to }));
    assert_eq!((row.get::<_, Option<String>>(5), row.get::<_, bool>(6)), (None, true));
}

#[tokio::test]
async fn a_task_that_is_delivered_twice_runs_once() {
    let app = TestApp::new().await;
    for _ in 0..2 {
        assert!(work(&app, &event("tasks-worker")).await.is_empty());
    }
    let attempts: i64 = app
        .database
        .client()
        .await
        .query_one("select sum(attempt) from task", &[])
        .await
        .expect("a sum")
        .get(0);
    assert_eq!((tasks(&app, "succeeded").await, attempts), (1, 1));
}

#[tokio::test]
async fn a_bare_task_gets_a_row_from_its_message() {
    let app = TestApp::new().await;
    let bare = one("tasks-worker", r#"{"task": "say_meow"}"#);
    for _ in 0..2 {
        assert!(work(&app, &bare).await.is_empty());
    }
    assert_eq!(tasks(&app, "succeeded").await, 1);
}

#[tokio::test]
async fn one_poisoned_message_leaves_its_nine_neighbours_done() {
    let app = TestApp::new().await;
    let batch = event("tasks-worker.one-poisoned");
    assert_eq!(work(&app, &batch).await, [message_ids(&batch)[4].clone()]);
    assert_eq!(tasks(&app, "succeeded").await, 9);
}

#[tokio::test]
async fn a_message_that_names_no_task_is_refused() {
    let app = TestApp::new().await;
    for body in ["", "{}", r#"{"task": 5}"#, r#"{"task": "say_moo", "args": {}}"#] {
        assert_eq!(work(&app, &one("tasks-worker", body)).await.len(), 1, "{body}");
    }
    let rows: i64 = app
        .database
        .client()
        .await
        .query_one("select count(*) from task", &[])
        .await
        .expect("a count")
        .get(0);
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_task_with_arguments_of_a_wrong_shape_fails_for_good_and_says_why() {
    let app = TestApp::new().await;
    let body = r#"{"task": "say_meow", "args": {"to": "nobody"}}"#;
    assert!(work(&app, &one("tasks-worker", body)).await.is_empty());
    let error: String = app
        .database
        .client()
        .await
        .query_one("select error from task where state = 'failed'", &[])
        .await
        .expect("a failed task")
        .get(0);
    assert_eq!(error, "invalid");
}

#[tokio::test]
async fn a_message_with_the_id_of_another_task_is_refused_and_leaves_that_task_alone() {
    let app = TestApp::new().await;
    let id = uuid::Uuid::from_u128(1);
    let insert = format!(
        "insert into task (id, name, queue, args, unique_key) values ('{id}', 'clean_up', 'tasks', '{{}}', 'k')"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a task");
    let body = json!({ "task": "say_meow", "id": id, "attempt": 1 }).to_string();
    assert_eq!(work(&app, &one("tasks-worker", &body)).await.len(), 1);
    let untouched = "select count(*) from task where state = 'queued' and unique_key = 'k' and error is null";
    assert_eq!(number(&app, untouched).await, 1);
    assert_eq!(number(&app, "select count(*) from dead_letter where reason like '%another name%'").await, 1);
}

#[tokio::test]
async fn a_message_with_an_impossible_attempt_is_refused() {
    let app = TestApp::new().await;
    let impossible =
        ["0", "-1", "-2147483648", "1000001", "2147483647", "2147483648", "1.5", r#""1""#, "true"];
    for attempt in impossible {
        let body = format!(r#"{{"task": "say_meow", "attempt": {attempt}}}"#);
        assert_eq!(work(&app, &one("tasks-worker", &body)).await.len(), 1, "{attempt}");
    }
    assert_eq!(number(&app, "select count(*) from task").await, 0);
    let odd = r#"{"task": "say_meow", "attempt": 1.0, "trace": null}"#;
    assert!(work(&app, &one("tasks-worker", odd)).await.is_empty());
    assert_eq!(tasks(&app, "succeeded").await, 1);
}

#[tokio::test]
async fn arguments_that_are_too_large_to_be_retried_are_refused_at_the_beginning() {
    let app = TestApp::new().await;
    let body = |text: String| json!({ "task": "say_meow", "args": { "x": text } }).to_string();
    assert_eq!(work(&app, &one("tasks-worker", &body("y".repeat(150 * 1024)))).await.len(), 1);
    // As an escape this character takes twice as much.
    let escaped = body("\u{ffff}".repeat(20 * 1024));
    assert_eq!(work(&app, &one("tasks-worker", &escaped)).await.len(), 1);
    assert_eq!(number(&app, "select count(*) from task").await, 0);
    let why = "select count(*) from dead_letter where reason like '%so the task cannot be sent%'";
    assert_eq!(number(&app, why).await, 1, "both have one message id");
    assert!(work(&app, &one("tasks-worker", &body("y".repeat(90 * 1024)))).await.is_empty());
}

#[tokio::test]
async fn a_task_that_somebody_else_is_running_comes_back_until_its_time_is_over() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let insert = |seconds: i32| {
        format!(
        "insert into task (id, name, queue, args, state, attempt, running_until)
         values ('9c704230-7825-4913-a00a-3450779974e8', 'say_meow', 'tasks', '{{}}', 'running', 1, now() + interval '{seconds} seconds')"
    )
    };
    client.batch_execute(&insert(60)).await.expect("insert");
    let soon = Instant::now() + Duration::from_secs(10);
    assert_eq!(
        call_until(&app, tasks_worker::SOURCE, tasks_worker::handler, &event("tasks-worker"), soon)
            .await
            .len(),
        1
    );
    assert_eq!(tasks(&app, "running").await, 1);

    client.batch_execute("delete from task").await.expect("delete");
    client.batch_execute(&insert(-1)).await.expect("insert");
    assert!(work(&app, &event("tasks-worker")).await.is_empty());
    assert_eq!(tasks(&app, "succeeded").await, 1, "a dead worker's task is taken over");
}
