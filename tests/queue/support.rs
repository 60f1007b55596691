//! Calling queue functions, and looking at what they left.

use std::time::{Duration, Instant};

use app_core::{
    App, Result,
    application::tasks::{Enqueue, Task},
    config::{EventsBus, OutboxConfig},
    domain::event::Event as DomainEvent,
    infrastructure::{
        db::Sql,
        messaging::{Outgoing, outbox},
    },
    interfaces::queue::{self, Record, Source},
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

pub(crate) fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Writes messages as `Tx::commit` does, but leaves the commit to the test.
pub(crate) async fn insert(tx: &impl Sql, messages: &[Outgoing], lease: Duration) -> Result<Vec<Outgoing>> {
    let config = OutboxConfig { events: EventsBus::Sqs, own_lease: lease, relay_lease: lease };
    insert_as(tx, messages, config).await
}

/// The same by a whole configuration.
pub(crate) async fn insert_as(
    tx: &impl Sql,
    messages: &[Outgoing],
    config: OutboxConfig,
) -> Result<Vec<Outgoing>> {
    let mut rows = Vec::new();
    for statement in outbox::insert(messages, config)? {
        rows = tx.run(&statement).await?;
    }
    outbox::ours(messages.to_vec(), &rows)
}

/// Starts a task in a separate transaction. Returns its id, and the messages to send right away.
pub(crate) async fn start<T: Task>(app: &TestApp, task: Enqueue<T>) -> (Uuid, Vec<Outgoing>) {
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    let id = task.write(&mut tx).await.expect("a task");
    (id, tx.commit().await.expect("commit"))
}

/// Records an event in a separate transaction. Returns the messages to send right away.
pub(crate) async fn record(app: &TestApp, event: &impl DomainEvent) -> Vec<Outgoing> {
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    tx.record(event).expect("an event");
    tx.commit().await.expect("commit")
}

/// The message ids of the records that failed.
pub(crate) async fn call<H, F>(app: &TestApp, source: Source, handler: H, event: &Event) -> Vec<String>
where
    H: Fn(App, Vec<Record>, Instant) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Vec<Outgoing>>> + Send + 'static,
{
    call_until(app, source, handler, event, in_a_minute()).await
}

pub(crate) async fn call_until<H, F>(
    app: &TestApp,
    source: Source,
    handler: H,
    event: &Event,
    deadline: Instant,
) -> Vec<String>
where
    H: Fn(App, Vec<Record>, Instant) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Vec<Outgoing>>> + Send + 'static,
{
    let response =
        queue::respond(&app.app, source, queue::Handler::of(handler), &event.to_string(), deadline)
            .await
            .expect("a batch");
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

pub(crate) async fn consume(app: &TestApp, event: &Event) -> Vec<String> {
    call(app, events_consumer::SOURCE, events_consumer::handler, event).await
}

pub(crate) async fn work(app: &TestApp, event: &Event) -> Vec<String> {
    call(app, tasks_worker::SOURCE, tasks_worker::handler, event).await
}

/// The same for tasks that send mail.
pub(crate) async fn mail(app: &TestApp, event: &Event) -> Vec<String> {
    call(app, mail_worker::SOURCE, mail_worker::handler, event).await
}

/// A batch of these (message id, body) as they are handed out for the n-th time.
pub(crate) fn batch_of(messages: &[(String, String)], receives: u32) -> Event {
    let sample = event("events-consumer").0["Records"][0].clone();
    let record = |(id, body): &(String, String)| {
        let mut record = sample.clone();
        record["messageId"] = json!(id);
        record["body"] = json!(body);
        record["attributes"]["ApproximateReceiveCount"] = json!(receives.to_string());
        record
    };
    Event(json!({ "Records": messages.iter().map(record).collect::<Vec<Value>>() }))
}

/// One number from the test's schema.
pub(crate) async fn number(app: &TestApp, query: &str) -> i64 {
    app.database.client().await.query_one(query, &[]).await.expect("a number").get(0)
}

/// The sample batch with one record, whose body is this.
pub(crate) fn one(sample: &str, body: &str) -> Event {
    let mut event = event(sample);
    event.0["Records"][0]["body"] = json!(body);
    event
}

pub(crate) fn message_ids(event: &Event) -> Vec<String> {
    let records = event.0["Records"].as_array().expect("records");
    records.iter().map(|record| record["messageId"].as_str().expect("an id").to_owned()).collect()
}

/// How many tasks are in this state.
pub(crate) async fn tasks(app: &TestApp, state: &str) -> i64 {
    number(app, &format!("select count(*) from task where state = '{state}'")).await
}

/// Waits until `sessions` sessions wait for a lock of this one, directly or behind another waiting session.
pub(crate) async fn until_waiting_for(holder: &Client, app: &TestApp, sessions: i64) {
    let row = holder.query_one("select pg_backend_pid()", &[]).await.expect("a session");
    let (holder, watcher): (i32, _) = (row.get(0), app.database.client().await);
    let waiting = "with recursive waiting as (
                     select pid from pg_stat_activity where $1 = any (pg_blocking_pids(pid))
                     union
                     select other.pid from pg_stat_activity as other join waiting on waiting.pid = any (pg_blocking_pids(other.pid)))
                   select count(*) from waiting";
    let patience = Instant::now() + Duration::from_secs(40);
    while watcher.query_one(waiting, &[&holder]).await.expect("a count").get::<_, i64>(0) < sessions {
        assert!(Instant::now() < patience, "nobody waits");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
