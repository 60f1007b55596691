//! Events by Kafka: from the outbox by the relay to a real broker, and from there by our bridge to the
//! consumer.

mod outage;
mod secured;
mod way;

use std::time::{Duration, Instant};

use app_core::{
    config::{EventsBus, KafkaConfig, KafkaSecurity},
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::{invocation, queue},
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use uuid::Uuid;

use test_support::kafka::TOPIC;

/// What the relay keeps back from its time, and a little less than its first pause: it asks once, and has
/// the time to send all that it finds.
const SHORT: Duration = Duration::from_millis(10_950);

/// An app whose events go to this broker, as a configuration says it.
async fn app_with(server: &str, change: impl FnOnce(&mut KafkaConfig)) -> TestApp {
    app_by(EventsBus::Kafka, server, change).await
}

async fn app_by(bus: EventsBus, server: &str, change: impl FnOnce(&mut KafkaConfig)) -> TestApp {
    let mut kafka = KafkaConfig {
        servers: vec![server.to_owned()],
        topic: TOPIC.to_owned(),
        security: KafkaSecurity::Plain,
    };
    change(&mut kafka);
    TestApp::with(|config| {
        config.database.as_mut().expect("a database").outbox.events = bus;
        config.kafka = Some(kafka);
    })
    .await
}

async fn app_on(server: &str) -> TestApp {
    app_with(server, |_| {}).await
}

fn user_created(user: Uuid) -> String {
    json!({ "event": "user_created", "data": { "uuid": user }, "id": Uuid::now_v7() }).to_string()
}

/// Commits events as a function does, and has it send what is its own to send.
async fn commit(app: &TestApp, events: &[(Option<String>, String)]) -> Vec<Uuid> {
    let (ids, ours) = write(app, events).await;
    app.app.publish(ours).await;
    ids
}

/// Commits them, and returns what a function would send now.
async fn write(app: &TestApp, events: &[(Option<String>, String)]) -> (Vec<Uuid>, Vec<Outgoing>) {
    let messages: Vec<Outgoing> = events
        .iter()
        .map(|(group, body)| Outgoing {
            id: Uuid::now_v7(),
            queue: Queue::Events,
            body: body.clone(),
            group: group.clone(),
            delay: Duration::ZERO,
        })
        .collect();
    let db = app.app.db().expect("a database");
    let mut conn = db.conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let ours = crate::support::insert_as(&tx, &messages, db.outbox()).await.expect("insert");
    tx.commit().await.expect("commit");
    (messages.into_iter().map(|message| message.id).collect(), ours)
}

/// Some events that belong to no group.
async fn commit_some(app: &TestApp, count: usize) -> Vec<Uuid> {
    let events: Vec<_> = (0..count).map(|_| (None, user_created(Uuid::new_v4()))).collect();
    commit(app, &events).await
}

/// One run, which must end before its deadline: what it answered.
async fn relay_until(app: &TestApp, deadline: Instant) -> Value {
    let text = event("outbox-relay-kafka").to_string();
    let response = invocation::respond(&app.app, outbox_relay_kafka::handler, &text, deadline).await;
    assert!(Instant::now() < deadline, "it took all of its time");
    serde_json::to_value(response.expect("the relay ran")).expect("json")
}

/// A short run: how many were sent and how many were not.
async fn relayed(app: &TestApp) -> (u64, u64) {
    let response = relay_until(app, Instant::now() + SHORT).await;
    (response["sent"].as_u64().expect("a number"), response["failed"].as_u64().expect("a number"))
}

/// What the consumer answers to an event of Kafka's.
async fn consume(app: &TestApp, event: String) -> Value {
    let (source, handler) = (events_consumer_kafka::SOURCE, events_consumer_kafka::handler);
    let response = queue::respond_kafka(
        &app.app,
        source,
        queue::Handler::of(handler),
        &event,
        crate::support::in_a_minute(),
    )
    .await;
    serde_json::to_value(response.expect("a batch")).expect("json")
}

/// The rows that have not left, with what is noted about them.
async fn waiting(app: &TestApp) -> Vec<(Uuid, String)> {
    let sql = "select id, coalesce(last_error, '') from outbox
               where published_at is null and queue = 'events' order by seq";
    let rows = app.database.client().await.query(sql, &[]).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn time_passes(app: &TestApp) {
    let sql = "update outbox set due_at = clock_timestamp() where due_at < 'infinity'";
    app.database.client().await.batch_execute(sql).await.expect("time passes");
}
