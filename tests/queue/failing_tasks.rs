//! Tasks that fail: what their row says, and when they are tried again.

use std::time::{Duration, Instant};

use app_core::{
    Error, Result,
    application::{
        events::Delivery,
        registry::Registry,
        tasks::{Backoff, Enqueue, Services, Task, TaskContext, Worker},
    },
    infrastructure::{
        db::Sql,
        messaging::{Outgoing, envelope::TaskMessage},
    },
    testing::TestApp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{number, one, until_waiting_for, work};

/// Writes a row, and then does as it is told.
#[derive(Debug, Serialize, Deserialize)]
struct Trouble {
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Panic,
    Retry,
    FailTwice,
    GiveUp,
    Hang,
    Linger,
    Stall,
    Babble,
}

impl Task for Trouble {
    const NAME: &'static str = "trouble";
    const MAX_ATTEMPTS: i32 = 4;
    const BACKOFF: Backoff = |attempt| Duration::from_secs(100 << attempt);

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let attempt = context.attempt();
        context
            .tx()
            .await?
            .execute("insert into users (email) values ('half-done@example.com')", &[])
            .await?;
        match self.how {
            How::Panic => panic!("a bug in a task"),
            How::FailTwice if attempt > 2 => Ok(json!("done")),
            How::Retry | How::FailTwice => Err(Error::unavailable("something", "not now")),
            How::GiveUp => Err(Error::NotFound("user")),
            How::Hang => std::future::pending().await,
            How::Linger => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(json!("done"))
            }
            How::Stall => {
                context.tx().await?.rows("select pg_sleep(20)", &[]).await?;
                Ok(Value::Null)
            }
            How::Babble => Ok(json!("meow".repeat(20_000))),
        }
    }
}

async fn run(app: &TestApp, body: &str, patience: Duration) -> Result<Vec<Outgoing>> {
    let registry = Registry::new().task::<Trouble>();
    let services = Services {
        mails: None,
        queue_retention: Duration::from_secs(345_600),
        clock: &*app.clock,
        deletion_grace: time::Duration::days(7),
        unverified_accounts: None,
        limits: None,
    };
    let worker = Worker::new(app.app.db()?, &registry, services);
    worker.run(Delivery { body, message_id: "m-1" }, Instant::now() + patience).await
}

/// One delivery of an attempt. What it wants sent.
async fn deliver(app: &TestApp, how: How, attempt: i32) -> Vec<Outgoing> {
    let message =
        json!({ "task": "trouble", "args": { "how": how }, "id": Uuid::from_u128(1), "attempt": attempt });
    run(app, &message.to_string(), Duration::from_secs(10)).await.expect("taken off the queue")
}

async fn row(app: &TestApp) -> (String, i32, String) {
    let client = app.database.client().await;
    let row = client
        .query_one("select state, attempt, coalesce(error, '') from task", &[])
        .await
        .expect("one task");
    (row.get(0), row.get(1), row.get(2))
}

const USERS: &str = "select count(*) from users";

#[tokio::test]
async fn a_task_that_fails_twice_runs_three_times_with_growing_gaps() {
    let app = TestApp::new().await;
    let why = "unavailable".to_owned();
    let first = deliver(&app, How::FailTwice, 1).await;
    assert_eq!(row(&app).await, ("retrying".into(), 2, why.clone()));
    assert_eq!(number(&app, USERS).await, 0, "a failed task leaves nothing behind");
    let second = deliver(&app, How::FailTwice, 2).await;
    assert_eq!(row(&app).await, ("retrying".into(), 3, why));
    assert!(deliver(&app, How::FailTwice, 3).await.is_empty());
    assert_eq!(row(&app).await, ("succeeded".into(), 3, String::new()));
    assert_eq!(number(&app, USERS).await, 1);

    let attempts: Vec<i32> = [&first, &second]
        .iter()
        .map(|sent| serde_json::from_str::<TaskMessage>(&sent[0].body).expect("a task").attempt)
        .collect();
    assert_eq!(attempts, [2, 3]);
    let gaps: Vec<u64> = [&first, &second].iter().map(|sent| sent[0].delay.as_secs()).collect();
    assert!((100..=200).contains(&gaps[0]) && (200..=400).contains(&gaps[1]), "half to all of it: {gaps:?}");

    // Old copies of its messages, in any order, do nothing more.
    for attempt in [3, 1, 2] {
        assert!(deliver(&app, How::FailTwice, attempt).await.is_empty());
    }
    assert_eq!((row(&app).await.0.as_str(), number(&app, USERS).await), ("succeeded", 1));
}

#[tokio::test]
async fn its_attempts_used_up_a_task_has_failed_and_its_message_is_taken_off_the_queue() {
    let app = TestApp::new().await;
    for attempt in 1..=3 {
        assert_eq!(deliver(&app, How::Retry, attempt).await.len(), 1);
    }
    assert!(deliver(&app, How::Retry, 4).await.is_empty());
    assert_eq!(row(&app).await, ("failed".into(), 4, "unavailable".into()));
    assert!(deliver(&app, How::Retry, 4).await.is_empty(), "it has ended");
}

/// The bound on attempts holds for messages without a row. A known task may exceed it.
#[tokio::test]
async fn a_task_that_began_at_the_highest_attempt_can_be_retried() {
    let app = TestApp::new().await;
    let body = json!({ "task": "say_meow", "args": { "to": "nobody" }, "attempt": 1_000_000 }).to_string();
    assert!(work(&app, &one("tasks-worker", &body)).await.is_empty());
    assert_eq!(row(&app).await, ("failed".into(), 1_000_000, "invalid".into()));
    // An operator mends the cause, and retries it.
    let mend = "update task set args = '{\"to\": null}'";
    app.database.client().await.batch_execute(mend).await.expect("update");
    let id = app.database.client().await.query_one("select id from task", &[]).await.expect("a task").get(0);
    let operator = app.app.task_operator().expect("an operator");
    assert_eq!(operator.retry(&[id]).await.expect("a response").changed, [id]);
    let retry = json!({ "task": "say_meow", "args": { "to": null }, "id": id, "attempt": 1_000_001 });
    assert!(work(&app, &one("tasks-worker", &retry.to_string())).await.is_empty());
    assert_eq!(row(&app).await, ("succeeded".into(), 1_000_001, String::new()));
}

#[tokio::test]
async fn a_copy_of_a_message_cannot_fork_a_task_while_its_retry_waits() {
    let app = TestApp::new().await;
    assert_eq!(deliver(&app, How::Retry, 1).await.len(), 1);
    assert!(deliver(&app, How::Retry, 1).await.is_empty(), "the first attempt has ended");
    assert_eq!(number(&app, "select count(*) from outbox").await, 1);
    assert_eq!(row(&app).await.1, 2);
}

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    let app = TestApp::new().await;
    assert_eq!(deliver(&app, How::Panic, 1).await.len(), 1);
    let (state, attempt, error) = row(&app).await;
    assert_eq!((state.as_str(), attempt), ("retrying", 2));
    assert_eq!(error, "internal");
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    let app = TestApp::new().await;
    assert!(deliver(&app, How::GiveUp, 1).await.is_empty());
    assert_eq!(row(&app).await, ("failed".into(), 1, "not_found".into()));
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_given_up_and_tried_again() {
    let app = TestApp::new().await;
    let body = json!({ "task": "trouble", "args": { "how": "hang" } }).to_string();
    let sent = run(&app, &body, Duration::from_millis(300)).await.expect("taken off the queue");
    assert_eq!(sent.len(), 1);
    let (state, attempt, error) = row(&app).await;
    assert_eq!((state.as_str(), attempt), ("retrying", 2));
    assert_eq!(error, "unavailable");
}

#[tokio::test]
async fn of_two_tasks_with_one_key_the_one_that_waits_goes_on() {
    let app = TestApp::new().await;
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut enqueue = async || {
        let mut tx = conn.begin().await.expect("a transaction");
        let task = Enqueue::new(&Trouble { how: How::Retry }).expect("a task").unique("k");
        let id = task.write(&mut tx).await.expect("a task");
        (id, tx.commit().await.expect("commit"))
    };
    let (first, sent) = enqueue().await;
    let (same, nothing) = enqueue().await;
    assert_eq!((same, nothing.len()), (first, 0), "one waits already");

    // While it runs, what has changed needs another run.
    let client = app.database.client().await;
    client.batch_execute("update task set state = 'running', running_until = now()").await.expect("update");
    let (second, _) = enqueue().await;
    assert_ne!(first, second);
    // It fails now: the second will do its work, and one of them is enough.
    client
        .batch_execute("update task set running_until = now() - interval '1 s' where state = 'running'")
        .await
        .expect("update");
    let sent = run(&app, &sent[0].body, Duration::from_secs(10)).await.expect("taken off the queue");
    assert!(sent.is_empty());
    let error = "select count(*) from task where state = 'failed' and error = 'superseded'";
    assert_eq!(number(&app, error).await, 1);
    assert_eq!(number(&app, "select count(*) from task where state = 'queued'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_workers_that_have_one_message_at_once_one_runs_it_and_the_others_hold_on_to_it() {
    let app = TestApp::new().await;
    let body =
        json!({ "task": "trouble", "args": { "how": "linger" }, "id": Uuid::from_u128(1), "attempt": 1 });
    let body = body.to_string();
    let enqueued = "insert into task (id, name, queue, args) values ('00000000-0000-0000-0000-000000000001', 'trouble', 'tasks', '{}')";
    app.database.client().await.batch_execute(enqueued).await.expect("a task");
    let outcomes =
        futures_util::future::join_all((0..6).map(|_| run(&app, &body, Duration::from_secs(10)))).await;
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(done, 1, "a worker that did not run it must leave its message on the queue");
    assert_eq!((row(&app).await.0.as_str(), number(&app, USERS).await), ("succeeded", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waited_for_another_ones_claim_sees_that_it_is_claimed() {
    let app = TestApp::new().await;
    let other = app.database.client().await;
    let enqueued = "insert into task (id, name, queue, args) values ('00000000-0000-0000-0000-000000000001', 'trouble', 'tasks', '{}')";
    other.batch_execute(enqueued).await.expect("a task");
    let claimed = "begin; update task set state = 'running', running_until = now() + interval '1 minute'";
    other.batch_execute(claimed).await.expect("a claim");
    let body =
        json!({ "task": "trouble", "args": { "how": "fail_twice" }, "id": Uuid::from_u128(1), "attempt": 1 });
    let body = body.to_string();
    let commit = async {
        until_waiting_for(&other, &app, 1).await;
        other.batch_execute("commit").await.expect("the claim holds");
    };
    let (outcome, ()) = tokio::join!(run(&app, &body, Duration::from_secs(10)), commit);
    assert!(outcome.is_err(), "a worker that did not run it must leave its message on the queue");
    assert_eq!(row(&app).await.0, "running");
}

#[tokio::test]
async fn a_result_that_is_too_large_fails_for_good() {
    let app = TestApp::new().await;
    assert!(deliver(&app, How::Babble, 1).await.is_empty());
    let (state, _, error) = row(&app).await;
    assert_eq!((state.as_str(), error.as_str()), ("failed", "invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_transaction_relies_on_does_not_begin_before_its_commit() {
    let app = TestApp::new().await;
    let db = app.app.db().expect("a database");
    let mut conn = db.conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    let task = || Enqueue::new(&Trouble { how: How::FailTwice }).expect("a task").unique("k");
    let waiting = task().write(&mut tx).await.expect("a task");
    let sent = tx.commit().await.expect("commit");
    // Somebody changes what it works on, and finds that it waits already.
    let mut tx = conn.begin().await.expect("a transaction");
    assert_eq!(task().write(&mut tx).await.expect("a task"), waiting);
    let mut begins = std::pin::pin!(run(&app, &sent[0].body, Duration::from_secs(10)));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut begins).await;
    assert!(early.is_err(), "it would not see the change");
    tx.commit().await.expect("commit");
    begins.await.expect("taken off the queue");
}

#[tokio::test]
async fn a_task_that_is_given_up_at_a_statement_is_noted_without_waiting_for_it() {
    let app = TestApp::new().await;
    let body = json!({ "task": "trouble", "args": { "how": "stall" } }).to_string();
    let noted = tokio::time::timeout(Duration::from_secs(5), run(&app, &body, Duration::from_millis(300)));
    assert_eq!(noted.await.expect("at once").expect("taken off the queue").len(), 1);
    assert_eq!(row(&app).await.0, "retrying");
}
