use std::time::{Duration, Instant};

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{call_until, message_ids, one, tasks, work};

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
    assert!(error.contains("wrong shape") && !error.contains("nobody"), "{error}");
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
