use app_core::{
    infrastructure::{
        db::{Db, Sql},
        messaging::{Outgoing, Queue, outbox},
    },
    interfaces::job,
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::in_a_minute;

/// `count` committed messages that nobody has sent; their writers' leases are over.
async fn leave(app: &TestApp, count: usize) -> Vec<Uuid> {
    let messages: Vec<_> = (0..count)
        .map(|n| Outgoing { id: Uuid::now_v7(), queue: Queue::Events, body: json!({ "n": n }).to_string() })
        .collect();
    let mut conn = db(app).conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    outbox::insert(&tx, &messages).await.expect("insert");
    tx.rows("update outbox set lease_until = null", &[]).await.expect("update");
    tx.commit().await.expect("commit");
    messages.into_iter().map(|m| m.id).collect()
}

fn db(app: &TestApp) -> &Db {
    app.app.db().expect("a database")
}

async fn relay(app: &TestApp) -> Value {
    let answer =
        job::answer(&app.app, outbox_relay::handler, &event("outbox-relay").to_string(), in_a_minute()).await;
    serde_json::to_value(answer.expect("the relay ran")).expect("json")
}

async fn unpublished(app: &TestApp) -> i64 {
    let client = app.database.client().await;
    client
        .query_one("select count(*) from outbox where published_at is null", &[])
        .await
        .expect("a count")
        .get(0)
}

#[tokio::test]
async fn the_relay_sends_what_is_left_over_in_order_and_once() {
    let app = TestApp::new().await;
    let ids = leave(&app, 25).await;
    assert_eq!(relay(&app).await, json!({ "sent": 25, "failed": 0 }));
    assert_eq!(app.bus.take().into_iter().map(|m| m.id).collect::<Vec<_>>(), ids);
    assert_eq!(unpublished(&app).await, 0);
    assert_eq!(relay(&app).await, json!({ "sent": 0, "failed": 0 }));
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn with_the_queue_down_messages_stay_and_are_tried_again_later() {
    let app = TestApp::new().await;
    leave(&app, 3).await;
    app.bus.set_down(true);
    assert_eq!(relay(&app).await, json!({ "sent": 0, "failed": 3 }));
    assert_eq!(unpublished(&app).await, 3);
    let client = app.database.client().await;
    let later: i64 = client
        .query_one("select count(*) from outbox where due_at > clock_timestamp() and last_error like '%cut off%' and lease_until is null", &[])
        .await.expect("a count").get(0);
    assert_eq!(later, 3);
    client.batch_execute("update outbox set due_at = now()").await.expect("time passes");
    app.bus.set_down(false);
    assert_eq!(relay(&app).await, json!({ "sent": 3, "failed": 0 }));
}

#[tokio::test]
async fn what_its_writer_is_still_sending_is_not_touched() {
    let app = TestApp::new().await;
    leave(&app, 1).await;
    let client = app.database.client().await;
    client
        .batch_execute("update outbox set lease_until = clock_timestamp() + interval '5 seconds'")
        .await
        .expect("update");
    assert_eq!(relay(&app).await, json!({ "sent": 0, "failed": 0 }));
}

#[tokio::test]
async fn two_relays_at_once_never_claim_the_same_message() {
    let app = TestApp::new().await;
    leave(&app, 40).await;
    let claim = || async {
        let (mut claimed, me) = (Vec::new(), Uuid::new_v4());
        loop {
            let conn = db(&app).conn().await.expect("a connection");
            let batch = outbox::claim(&conn, me).await.expect("a claim");
            if batch.is_empty() {
                return claimed;
            }
            claimed.extend(batch.into_iter().map(|m| m.id));
        }
    };
    let (a, b, c) = futures_util::join!(claim(), claim(), claim());
    let mut all = [a, b, c].concat();
    assert_eq!(all.len(), 40, "none twice");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 40, "and none left out");
}

#[tokio::test]
async fn a_message_whose_relay_died_is_free_again_after_its_lease() {
    let app = TestApp::new().await;
    leave(&app, 1).await;
    let conn = db(&app).conn().await.expect("a connection");
    assert_eq!(outbox::claim(&conn, Uuid::new_v4()).await.expect("a claim").len(), 1);
    drop(conn);
    assert_eq!(relay(&app).await, json!({ "sent": 0, "failed": 0 }));
    let client = app.database.client().await;
    client
        .batch_execute("update outbox set lease_until = clock_timestamp() - interval '1 second'")
        .await
        .expect("time passes");
    assert_eq!(relay(&app).await, json!({ "sent": 1, "failed": 0 }));
}
