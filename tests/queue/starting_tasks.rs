//! Starting tasks: inside a transaction, for later, once for a key.

use std::time::Duration;

use app_core::{
    application::tasks::{Enqueue, say_meow::SayMeow},
    testing::{TestApp, event},
};
use uuid::Uuid;

use crate::support::{number, start, tasks, work};

fn meow() -> Enqueue<SayMeow> {
    Enqueue::new(&SayMeow { to: None }).expect("a task")
}

#[tokio::test]
async fn a_task_of_a_transaction_that_rolls_back_never_was() {
    let app = TestApp::new().await;
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    meow().write(&mut tx).await.expect("a task");
    drop(tx);
    drop(conn);
    assert_eq!(number(&app, "select (select count(*) from task) + (select count(*) from outbox)").await, 0);
}

#[tokio::test]
async fn a_task_for_later_is_sent_with_a_delay_and_one_for_much_later_waits_in_the_outbox() {
    let app = TestApp::new().await;
    let (_, soon) = start(&app, meow().delay(Duration::from_secs(90))).await;
    assert_eq!(soon[0].delay, Duration::from_secs(90));
    let eta = app.app.clock().now() + time::Duration::hours(2);
    let (_, later) = start(&app, meow().at(eta, app.app.clock())).await;
    assert!(later.is_empty());
    let query = "select extract(epoch from deliver_at - created_at)::bigint from outbox where deliver_at > now() + interval '1 hour'";
    assert!((7199..=7201).contains(&number(&app, query).await));
    let (_, past) = start(&app, meow().at(eta - time::Duration::days(1), app.app.clock())).await;
    assert_eq!(past[0].delay, Duration::ZERO, "a moment that has passed means at once");
}

#[tokio::test]
async fn the_second_task_of_an_id_is_not_started() {
    let app = TestApp::new().await;
    let id = Uuid::from_u128(7);
    assert_eq!(start(&app, meow().id(id)).await.1.len(), 1);
    let (same, sent) = start(&app, meow().id(id)).await;
    assert_eq!((same, sent.len()), (id, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_start_at_once_under_one_key_one_is_started() {
    let app = TestApp::new().await;
    let started = futures_util::future::join_all((0..8).map(|_| start(&app, meow().unique("k")))).await;
    assert!(started.iter().all(|(id, _)| *id == started[0].0), "all learn of the same");
    assert_eq!(started.iter().map(|(_, sent)| sent.len()).sum::<usize>(), 1);
    assert_eq!(tasks(&app, "queued").await, 1);
    // Another key, and another name, are another matter.
    start(&app, meow().unique("l")).await;
    assert_eq!(tasks(&app, "queued").await, 2);
}

#[tokio::test]
async fn a_firing_that_a_schedule_delivers_twice_runs_once() {
    let app = TestApp::new().await;
    for message in ["m-1", "m-2"] {
        let mut event = event("tasks-worker.scheduled");
        event.0["Records"][0]["messageId"] = serde_json::json!(message);
        assert!(work(&app, &event).await.is_empty());
    }
    assert_eq!(tasks(&app, "succeeded").await, 1);
}

#[tokio::test]
async fn of_many_that_one_statement_starts_those_of_one_key_are_one() {
    let app = TestApp::new().await;
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    let meows = vec![meow(), meow().unique("b"), meow().unique("a"), meow().unique("b"), meow()];
    Enqueue::write_all(&mut tx, meows).await.expect("tasks");
    assert_eq!(tx.commit().await.expect("commit").len(), 4);
    let keyed = "select count(*) from task where unique_key is not null";
    assert_eq!((tasks(&app, "queued").await, number(&app, keyed).await), (4, 2));
}
