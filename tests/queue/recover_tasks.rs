//! Messages that a queue has dropped: their tasks are found, and run or end.

use app_core::testing::TestApp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{number, one, tasks, work};

/// A task that has waited for so many days; `columns` and `values` are further ones.
async fn waiting(app: &TestApp, days: i32, columns: &str, values: &str) -> Uuid {
    let id = Uuid::now_v7();
    let insert = format!(
        "insert into task (id, name, queue, args, since{columns})
         values ('{id}', 'say_meow', 'tasks', '{{}}', now() - interval '{days} days'{values})"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a task");
    id
}

/// Lets the daily task run. Its result.
async fn recover(app: &TestApp) -> Value {
    assert!(work(app, &one("tasks-worker", r#"{"task": "recover_tasks"}"#)).await.is_empty());
    let client = app.database.client().await;
    let query = "delete from task where name = 'recover_tasks' and state = 'succeeded' returning result";
    client.query_one(query, &[]).await.expect("a result").get(0)
}

async fn row(app: &TestApp, id: Uuid) -> (String, i32, Option<String>) {
    let query = "select state, attempt, error from task where id = $1";
    let row = app.database.client().await.query_one(query, &[&id]).await.expect("the task");
    (row.get(0), row.get(1), row.get(2))
}

/// The outbox id of an attempt's message.
fn message(task: Uuid, attempt: i32) -> Uuid {
    Uuid::new_v5(&task, format!("attempt {attempt}").as_bytes())
}

async fn outbox(app: &TestApp, id: Uuid, published: &str) {
    let insert = format!(
        "insert into outbox (id, queue, body, due_at, published_at) values ('{id}', 'tasks', '{{}}', 'infinity', {published})"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a message");
}

#[tokio::test]
async fn a_task_whose_message_was_dropped_runs_once_however_late_the_message_comes() {
    let app = TestApp::new().await;
    let dropped = waiting(&app, 5, "", "").await;
    let dead_worker =
        waiting(&app, 5, ", state, running_until", ", 'running', now() - interval '5 days'").await;
    let young = waiting(&app, 3, "", "").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 2, "failed": 0, "still_waiting": 0 }));
    assert_eq!(row(&app, dropped).await, ("retrying".into(), 2, None));
    assert_eq!(row(&app, young).await, ("queued".into(), 1, None));

    let sent = app.bus.take();
    assert_eq!(sent.len(), 2);
    for task in [dropped, dead_worker] {
        let late = json!({ "task": "say_meow", "args": {}, "id": task, "attempt": 1 }).to_string();
        assert!(work(&app, &one("tasks-worker", &late)).await.is_empty(), "it is taken off its queue");
    }
    assert_eq!(tasks(&app, "succeeded").await, 0, "and runs nothing");
    for message in sent {
        assert!(work(&app, &one("tasks-worker", &message.body)).await.is_empty());
    }
    assert_eq!(
        (row(&app, dropped).await.0, row(&app, dead_worker).await.0),
        ("succeeded".into(), "succeeded".into())
    );
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 0, "still_waiting": 0 }));
}

#[tokio::test]
async fn a_task_without_attempts_left_ends() {
    let app = TestApp::new().await;
    let last = waiting(&app, 5, ", state, attempt", ", 'retrying', 5").await;
    let gone = waiting(&app, 5, "", "").await;
    let rename = format!("update task set name = 'of_another_version' where id = '{gone}'");
    app.database.client().await.batch_execute(&rename).await.expect("update");
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 2, "still_waiting": 0 }));
    for task in [last, gone] {
        let (state, _, error) = row(&app, task).await;
        assert_eq!((state.as_str(), error.as_deref()), ("failed", Some("message_lost")));
    }
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn a_message_that_has_not_left_or_left_late_is_not_lost() {
    let app = TestApp::new().await;
    // Parked, or its queue is down.
    let unsent = waiting(&app, 20, "", "").await;
    outbox(&app, message(unsent, 1), "null").await;
    let sent_late = waiting(&app, 20, "", "").await;
    outbox(&app, message(sent_late, 1), "now() - interval '3 days'").await;
    let sent_long_ago = waiting(&app, 20, "", "").await;
    outbox(&app, message(sent_long_ago, 1), "now() - interval '5 days'").await;
    // For later: it is not late.
    waiting(&app, -20, ", created_at", ", now() - interval '20 days'").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 1, "failed": 0, "still_waiting": 2 }));
    assert_eq!(row(&app, sent_long_ago).await.1, 2);
    // They are looked at again when they may be lost.
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 0, "still_waiting": 0 }));
    let late = "select count(*) from task where since < now() - interval '4 days'";
    assert_eq!(number(&app, late).await, 0);
}

#[tokio::test]
async fn a_task_whose_message_is_a_dead_letter_waits_for_a_redrive_as_long_as_the_letter_lives() {
    let app = TestApp::new().await;
    let letter = waiting(&app, 5, ", set_aside_at", ", now() - interval '5 days'").await;
    let expired = waiting(&app, 15, ", set_aside_at", ", now() - interval '15 days'").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 1, "still_waiting": 0 }));
    assert_eq!(row(&app, expired).await.0, "failed");
    let redriven = json!({ "task": "say_meow", "args": {}, "id": letter, "attempt": 1 }).to_string();
    assert!(work(&app, &one("tasks-worker", &redriven)).await.is_empty());
    assert_eq!(row(&app, letter).await.0, "succeeded");
}

#[tokio::test]
async fn a_lost_task_frees_its_key_and_does_not_run_next_to_its_twin() {
    let app = TestApp::new().await;
    // It ran when its worker died; since then another task of its key waits.
    let lost =
        waiting(&app, 5, ", state, unique_key, running_until", ", 'running', 'k', now() - interval '5 days'")
            .await;
    waiting(&app, 0, ", unique_key", ", 'k'").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 1, "still_waiting": 0 }));
    assert_eq!(row(&app, lost).await.2.as_deref(), Some("superseded"));
}

#[tokio::test]
async fn many_lost_tasks_take_several_runs() {
    let app = TestApp::new().await;
    let fill = "insert into task (id, name, queue, args, since)
                select gen_random_uuid(), 'say_meow', 'tasks', '{}', now() - interval '5 days' from generate_series(1, 130)";
    app.database.client().await.batch_execute(fill).await.expect("tasks");
    assert_eq!(recover(&app).await["sent_again"], 100);
    let rest =
        app.bus.take().into_iter().find(|message| message.body.contains("recover_tasks")).expect("the rest");
    assert!(work(&app, &one("tasks-worker", &rest.body)).await.is_empty());
    assert_eq!(number(&app, "select count(*) from task where name = 'say_meow' and attempt = 2").await, 130);
}
