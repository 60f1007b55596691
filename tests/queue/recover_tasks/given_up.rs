//! Tasks whose message the queue function gave up, so that it became a dead letter.

use std::time::Duration;

use app_core::{
    application::{events::Delivery, tasks::set_aside},
    domain::tasks::Failure,
    infrastructure::repository::tasks,
    testing::TestApp,
};
use serde_json::json;
use uuid::Uuid;

use super::{row, waiting};
use crate::support::number;

#[tokio::test]
async fn a_message_that_is_given_up_leaves_a_task_that_still_runs_alone() {
    let app = TestApp::new().await;
    let until =
        |state: &str, interval: &str| format!(", '{state}', now() + interval '{interval}', 'k-{interval}'");
    let columns = ", state, running_until, unique_key";
    let runs = waiting(&app, 0, columns, &until("running", "1 hour")).await;
    let dead = waiting(&app, 0, columns, &until("running", "-1 hour")).await;
    for id in [runs, dead] {
        give_up(&app, id).await;
    }
    let aside = "select count(*) from task where set_aside_at is not null and unique_key is null";
    assert_eq!((number(&app, aside).await, number(&app, ASIDE).await), (1, 1));
    assert_eq!(row(&app, runs).await.0, "running");
}

const ASIDE: &str = "select count(*) from task where set_aside_at is not null";

/// Notes that the message of a task's first attempt has been given up.
async fn give_up(app: &TestApp, id: Uuid) {
    let body = json!({ "task": "say_meow", "args": {}, "id": id, "attempt": 1 }).to_string();
    let delivery = Delivery { body: &body, message_id: "m" };
    set_aside(app.app.db().expect("a database"), delivery).await.expect("noted");
}

/// A worker was slow, so the message of its task was given up. Whatever the worker then notes, nothing waits
/// for a redrive any more: the search for lost messages must not wait for one.
#[tokio::test]
async fn a_task_that_was_given_up_while_it_ran_waits_for_no_redrive_when_it_has_ended() {
    let app = TestApp::new().await;
    let dead = async || {
        let (columns, values) = (", state, running_until", ", 'running', now() - interval '1 hour'");
        let id = waiting(&app, 0, columns, values).await;
        give_up(&app, id).await;
        assert_eq!(number(&app, ASIDE).await, 1);
        id
    };
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");

    let id = dead().await;
    tasks::succeed(&conn, id, 1, &json!({})).await.expect("it ends");
    assert_eq!((row(&app, id).await.0.as_str(), number(&app, ASIDE).await), ("succeeded", 0));

    let id = dead().await;
    tasks::fail(&conn, id, 1, Failure::NotFound).await.expect("it ends");
    assert_eq!((row(&app, id).await.0.as_str(), number(&app, ASIDE).await), ("failed", 0));

    let id = dead().await;
    tasks::retry(&conn, id, 1, Failure::Unavailable, Duration::ZERO).await.expect("it is retried");
    assert_eq!((row(&app, id).await.0.as_str(), number(&app, ASIDE).await), ("retrying", 0));
}
