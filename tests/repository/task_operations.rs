//! What operators do with tasks, through the function `operations`.

use app_core::{
    application::{
        events::Delivery,
        tasks::{Enqueue, say_meow::SayMeow},
    },
    testing::TestApp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::operate;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A task in this state that has had two attempts; `columns` and `values` are further ones.
pub(super) async fn task(app: &TestApp, name: &str, state: &str, columns: &str, values: &str) -> Uuid {
    let id = Uuid::now_v7();
    let insert = format!(
        "insert into task (id, name, queue, args, state, attempt{columns})
         values ('{id}', '{name}', 'tasks', '{{\"to\": null}}', '{state}', 2{values})"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a task");
    id
}

pub(super) async fn change(app: &TestApp, command: &str, ids: &[Uuid]) -> Value {
    operate(app, &json!({ "command": command, "ids": ids })).await.expect("a response")
}

/// State, attempt and earlier attempts.
pub(super) async fn row(app: &TestApp, id: Uuid) -> (String, i32, i32) {
    let query = "select state, attempt, earlier_attempts from task where id = $1";
    let row = app.database.client().await.query_one(query, &[&id]).await.expect("the task");
    (row.get(0), row.get(1), row.get(2))
}

pub(super) async fn audited(app: &TestApp) -> Vec<(String, Value, Option<Uuid>)> {
    let rows = app
        .database
        .client()
        .await
        .query("select action, details, subject from audit_log order by id", &[])
        .await;
    rows.expect("rows").iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// The newest message in the outbox, as its worker gets it.
async fn run_newest(app: &TestApp) -> Value {
    let query = "select body from outbox order by seq desc limit 1";
    let body: String = app.database.client().await.query_one(query, &[]).await.expect("a message").get(0);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let worker = app.app.worker().expect("a worker");
    worker.run(Delivery { body: &body, message_id: "m-1" }, end).await.expect("taken off the queue");
    serde_json::from_str(&body).expect("a task")
}

#[tokio::test]
async fn a_list_shows_what_has_not_succeeded_in_pages() {
    let app = TestApp::new().await;
    for (n, state) in
        ["failed", "queued", "succeeded", "cancelled", "failed", "retrying"].into_iter().enumerate()
    {
        let since = format!(", now() - interval '{n} hours', 'unavailable'");
        task(&app, "say_meow", state, ", since, error", &since).await;
    }
    let other = task(&app, "welcome_mail", "failed", "", "").await;
    let states = |page: &Value| -> Vec<String> {
        let tasks = page["tasks"].as_array().expect("a list").iter();
        tasks.map(|task| task["status"].as_str().expect("a word").to_owned()).collect()
    };
    let all = operate(&app, &json!({ "command": "task_list" })).await.expect("a page");
    assert_eq!(states(&all), ["failed", "failed", "queued", "cancelled", "failed", "retrying"]);
    assert_eq!(all["next"], Value::Null);
    assert_eq!(all["tasks"][1]["error_code"], "unavailable");
    assert!(!all.to_string().contains("\"to\""), "arguments may hold personal data: {all:#}");

    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let event = json!({ "command": "task_list", "limit": 2, "after": after });
        let page = operate(&app, &event).await.expect("a page");
        seen.extend(states(&page));
        assert!(seen.len() < 100, "the pages do not end");
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(seen, states(&all));

    let failed = json!({ "command": "task_list", "status": "failed", "name": "welcome_mail" });
    let failed = operate(&app, &failed).await.expect("a page");
    assert_eq!(
        (failed["tasks"].as_array().map(Vec::len), &failed["tasks"][0]["id"]),
        (Some(1), &json!(other))
    );
    for wrong in [
        json!({ "status": "succeeded" }),
        json!({ "status": "odd" }),
        json!({ "limit": 0 }),
        json!({ "limit": 201 }),
        json!({ "after": "now" }),
    ] {
        let mut event = wrong.clone();
        event["command"] = json!("task_list");
        assert!(operate(&app, &event).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_task_is_shown_with_its_arguments() {
    let app = TestApp::new().await;
    let id =
        task(&app, "say_meow", "failed", ", error, traceparent", &format!(", 'not_found', '{TRACE}'")).await;
    let shown = operate(&app, &json!({ "command": "task_show", "id": id })).await.expect("a task");
    assert_eq!(
        (&shown["status"], &shown["attempts"], &shown["args"]),
        (&json!("failed"), &json!(2), &json!({ "to": null }))
    );
    assert_eq!(shown["trace_id"], TRACE[3..35]);
    assert_eq!(shown["error"], "Something that the task needs does not exist.");
    let unknown = operate(&app, &json!({ "command": "task_show", "id": Uuid::now_v7() })).await;
    assert_eq!(unknown.expect_err("none"), "task not found");
}

#[tokio::test]
async fn a_retried_task_runs_once_with_all_its_attempts_before_it() {
    let app = TestApp::new().await;
    let owner = Uuid::now_v7();
    let values = format!(", now(), '{owner}', '{TRACE}'");
    let failed = task(&app, "say_meow", "failed", ", finished_at, owner, traceparent", &values).await;
    let response = change(&app, "task_retry", &[failed]).await;
    assert_eq!(response, json!({ "changed": [failed], "refused": [] }));
    assert_eq!(row(&app, failed).await, ("retrying".into(), 3, 2));
    let details = json!({ "task": failed, "name": "say_meow", "was": "failed" });
    assert_eq!(audited(&app).await, [("task_retried".to_owned(), details, Some(owner))]);
    let message = run_newest(&app).await;
    assert_eq!((&message["attempt"], &message["trace"]["traceparent"]), (&json!(3), &json!(TRACE)));
    assert_eq!(row(&app, failed).await.0, "succeeded");

    // A cancelled task too; and one that waits need not wait any longer.
    let cancelled = task(&app, "say_meow", "cancelled", "", "").await;
    let waits = task(&app, "say_meow", "retrying", ", since", ", now() + interval '1 hour'").await;
    let dead = task(&app, "say_meow", "running", ", running_until", ", now() - interval '1 hour'").await;
    let response = change(&app, "task_retry", &[cancelled, waits, dead]).await;
    assert_eq!(response["changed"], json!([cancelled, waits, dead]));
    // The message that it waited for comes, too.
    let late = json!({ "task": "say_meow", "args": {}, "id": waits, "attempt": 2 }).to_string();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let worker = app.app.worker().expect("a worker");
    worker.run(Delivery { body: &late, message_id: "m-2" }, end).await.expect("taken off the queue");
    assert_eq!(row(&app, waits).await, ("retrying".into(), 3, 2));
}

#[tokio::test]
async fn a_task_that_cannot_be_retried_is_named_with_the_reason_and_the_others_go_on() {
    let app = TestApp::new().await;
    let unknown = Uuid::now_v7();
    let succeeded = task(&app, "say_meow", "succeeded", "", "").await;
    let running = task(&app, "say_meow", "running", ", running_until", ", now() + interval '1 hour'").await;
    let removed = task(&app, "of_another_version", "failed", "", "").await;
    let twin = task(&app, "say_meow", "failed", ", unique_key", ", 'k'").await;
    task(&app, "say_meow", "queued", ", unique_key", ", 'k'").await;
    let large = task(&app, "say_meow", "failed", "", "").await;
    let enlarge =
        format!("update task set args = jsonb_build_object('x', repeat('y', 150000)) where id = '{large}'");
    app.database.client().await.batch_execute(&enlarge).await.expect("update");
    let good = task(&app, "say_meow", "failed", "", "").await;

    let response =
        change(&app, "task_retry", &[unknown, succeeded, running, removed, twin, large, good]).await;
    assert_eq!(response["changed"], json!([good]));
    let refused = response["refused"].as_array().expect("a list");
    let reasons = [
        (unknown, "no such task"),
        (succeeded, "has succeeded"),
        (running, "is running until 20"),
        (removed, "no task named of_another_version"),
        (twin, "the same name and key"),
        (large, "too large"),
    ];
    assert_eq!(refused.len(), reasons.len());
    for (one, (id, why)) in refused.iter().zip(reasons) {
        assert_eq!(one["id"], json!(id));
        assert!(one["why"].as_str().is_some_and(|text| text.contains(why)), "{one}");
    }
    assert_eq!(audited(&app).await.len(), 1);
    for ids in [vec![], vec![good; 101]] {
        assert!(operate(&app, &json!({ "command": "task_cancel", "ids": ids })).await.is_err());
    }
}

#[tokio::test]
async fn a_cancelled_task_does_not_run_and_its_key_is_free() {
    let app = TestApp::new().await;
    let enqueue = async || {
        let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
        let mut tx = conn.begin().await.expect("a transaction");
        let task = Enqueue::new(&SayMeow { to: None }).expect("a task").unique("k");
        let id = task.write(&mut tx).await.expect("a task");
        tx.commit().await.expect("commit");
        id
    };
    let waiting = enqueue().await;
    let ended = task(&app, "say_meow", "failed", "", "").await;
    let running = task(&app, "say_meow", "running", ", running_until", ", now() + interval '1 hour'").await;
    let response = change(&app, "task_cancel", &[waiting, ended, running]).await;
    assert_eq!(response["changed"], json!([waiting]));
    assert!(
        response["refused"][0]["why"].as_str().is_some_and(|why| why.contains("ended: failed")),
        "{response}"
    );
    assert!(
        response["refused"][1]["why"].as_str().is_some_and(|why| why.contains("is running")),
        "{response}"
    );
    run_newest(&app).await;
    assert_eq!(
        row(&app, waiting).await.0,
        "cancelled",
        "its message is taken off the queue and runs nothing"
    );
    assert_eq!(audited(&app).await.len(), 1);
    assert_ne!(enqueue().await, waiting);
}

#[tokio::test]
async fn an_error_at_one_task_does_not_hide_what_was_done_for_the_others() {
    let app = TestApp::new().await;
    let [first, bad, last] = [
        task(&app, "say_meow", "failed", "", "").await,
        task(&app, "say_meow", "failed", "", "").await,
        task(&app, "say_meow", "failed", "", "").await,
    ];
    let fault = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
         create trigger refuse before update on task for each row when (old.id = '{bad}') execute function refuse()"
    );
    app.database.client().await.batch_execute(&fault).await.expect("a fault");
    let response = change(&app, "task_retry", &[first, bad, last]).await;
    assert_eq!(response["changed"], json!([first, last]));
    assert_eq!(response["refused"][0]["id"], json!(bad));
}

#[tokio::test]
async fn the_attempts_of_a_cancelled_task_are_those_that_began() {
    let app = TestApp::new().await;
    let waits = task(&app, "say_meow", "retrying", "", "").await;
    let dead = task(&app, "say_meow", "running", ", running_until", ", now() - interval '1 hour'").await;
    change(&app, "task_cancel", &[waits, dead]).await;
    for (id, begun) in [(waits, 1), (dead, 2)] {
        let shown = operate(&app, &json!({ "command": "task_show", "id": id })).await.expect("a task");
        assert_eq!((&shown["status"], &shown["attempts"]), (&json!("cancelled"), &json!(begun)));
    }
}
