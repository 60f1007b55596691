//! What a function sends right after its commit.

use std::time::Duration;

use app_core::{
    infrastructure::messaging::{Outgoing, Queue},
    testing::TestApp,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{insert, number};

fn message(queue: Queue, group: Option<String>, n: usize) -> Outgoing {
    Outgoing { id: Uuid::now_v7(), queue, body: json!({ "n": n }).to_string(), group, delay: Duration::ZERO }
}

/// Commits messages, and returns the ones that their writer should send.
async fn commit(app: &TestApp, messages: &[Outgoing]) -> Vec<Outgoing> {
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let ours = insert(&tx, messages, Duration::from_secs(5)).await.expect("insert");
    tx.commit().await.expect("commit");
    ours
}

fn sent(app: &TestApp) -> Vec<Uuid> {
    app.bus.take().iter().map(|message| message.id).collect()
}

const PUBLISHED: &str = "select count(*) from outbox where published_at is not null";

#[tokio::test]
async fn a_group_is_sent_in_order_and_stops_at_what_the_queue_refuses() {
    let app = TestApp::new().await;
    let group = format!("writer {}", Uuid::new_v4());
    let messages: Vec<_> = (0..3).map(|n| message(Queue::Events, Some(group.clone()), n)).collect();
    let ours = commit(&app, &messages).await;
    assert_eq!(ours, messages, "nothing of the group was waiting");
    app.bus.refuse(Some("\"n\":1"));
    app.app.publish(ours).await;
    assert_eq!(sent(&app), [messages[0].id]);
    // A later message of the group has to wait for the relay.
    assert!(commit(&app, &[message(Queue::Events, Some(group), 3)]).await.is_empty());
}

#[tokio::test]
async fn one_queues_refusal_does_not_keep_the_other_queues_messages() {
    let app = TestApp::new().await;
    let messages = [message(Queue::Events, None, 0), message(Queue::Tasks, None, 1)];
    let ours = commit(&app, &messages).await;
    app.bus.refuse(Some("\"n\":0"));
    app.app.publish(ours).await;
    assert_eq!(sent(&app), [messages[1].id]);
}

#[tokio::test]
async fn what_one_call_has_sent_is_marked_whatever_becomes_of_the_next() {
    let app = TestApp::new().await;
    let messages: Vec<_> = (100..125).map(|n| message(Queue::Events, None, n)).collect();
    let ours = commit(&app, &messages).await;
    app.bus.refuse(Some("\"n\":115"));
    app.app.publish(ours).await;
    // Ten, then nine of ten; the last five are left to the relay.
    assert_eq!((sent(&app).len(), number(&app, PUBLISHED).await), (19, 19));
}

#[tokio::test]
async fn a_message_whose_id_is_there_already_is_not_written_again() {
    let app = TestApp::new().await;
    let one = message(Queue::Tasks, None, 0);
    assert_eq!(commit(&app, std::slice::from_ref(&one)).await.len(), 1);
    assert!(commit(&app, &[Outgoing { body: "{}".into(), ..one }]).await.is_empty());
    assert_eq!(number(&app, "select count(*) from outbox").await, 1);
}
