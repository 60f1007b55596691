//! Many messages of one group behind one that does not leave: they cost a relay little, and leave in order.

use std::time::Duration;

use app_core::{
    application::{delivery, drops},
    infrastructure::{
        messaging::{Outgoing, Queue, outbox},
        repository::outbox_operations,
    },
    testing::TestApp,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{insert, number};

/// More than one claim looks at.
const BEHIND: usize = 250;

pub(crate) const RELAY_LEASE: Duration = Duration::from_secs(30);

pub(crate) fn message(group: Option<&str>, n: usize) -> Outgoing {
    Outgoing {
        id: Uuid::now_v7(),
        queue: Queue::Events,
        body: json!({ "n": n }).to_string(),
        group: group.map(str::to_owned),
        delay: Duration::ZERO,
    }
}

/// Commits messages, and returns the ones that their writer should send.
pub(crate) async fn write(app: &TestApp, messages: &[Outgoing], own_lease: Duration) -> Vec<Outgoing> {
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let ours = insert(&tx, messages, own_lease).await.expect("insert");
    tx.commit().await.expect("commit");
    ours
}

pub(crate) async fn execute(app: &TestApp, statement: &str) {
    app.database.client().await.batch_execute(statement).await.expect(statement);
}

/// What one run of the relay sent.
pub(crate) async fn relay(app: &TestApp) -> Vec<Uuid> {
    let db = app.app.db().expect("a database");
    let end = tokio::time::Instant::now() + Duration::from_secs(30);
    delivery::relay(db, app.bus.as_ref(), &[Queue::Events], end).await.expect("a run");
    app.bus.take().into_iter().map(|message| message.id).collect()
}

async fn held(app: &TestApp) -> i64 {
    number(app, "select count(*) from outbox where held_at is not null and due_at > now() + interval '50 s'")
        .await
}

/// A parked message, many of its group behind it, and behind these three of other groups. Returns the ids.
async fn behind_a_parked_one(app: &TestApp, group: &str) -> (Vec<Uuid>, Vec<Uuid>) {
    let blocked: Vec<Outgoing> = (0..=BEHIND).map(|n| message(Some(group), n)).collect();
    write(app, &blocked, Duration::ZERO).await;
    let park = format!(
        "update outbox set parked_at = now(), due_at = 'infinity', refusals = 10 where id = '{}'",
        blocked[0].id
    );
    execute(app, &park).await;
    let other = format!("{group}, another");
    let free: Vec<Outgoing> = [None, Some(&*other), None].map(|group| message(group, 0)).into();
    write(app, &free, Duration::ZERO).await;
    let ids = |messages: Vec<Outgoing>| messages.into_iter().map(|message| message.id).collect();
    (ids(blocked), ids(free))
}

#[tokio::test]
async fn messages_behind_a_parked_one_do_not_keep_others_and_leave_in_order_when_it_is_freed() {
    let app = TestApp::new().await;
    let (blocked, free) = behind_a_parked_one(&app, "parked").await;
    assert_eq!(relay(&app).await, free);
    assert_eq!(held(&app).await, BEHIND as i64, "later claims do not meet them");
    assert!(relay(&app).await.is_empty());

    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    outbox_operations::unpark(&conn, &blocked[..1]).await.expect("unparked");
    drop(conn);
    assert_eq!(relay(&app).await, blocked);
    assert_eq!(number(&app, "select count(*) from outbox where held_at is not null").await, 0);
}

#[tokio::test]
async fn an_operator_who_drops_a_parked_message_wakes_the_next_one() {
    let app = TestApp::new().await;
    let (blocked, free) = behind_a_parked_one(&app, "dropped").await;
    assert_eq!(relay(&app).await, free);
    // The second one is not parked: it stays, and is the next.
    let dropped = drops::outbox(app.app.db().expect("a database"), &blocked[..2]).await.expect("dropped");
    assert_eq!(dropped.dropped, blocked[..1]);
    assert_eq!(held(&app).await, BEHIND as i64 - 1);
    assert_eq!(relay(&app).await.first(), Some(&blocked[1]));
}

#[tokio::test]
async fn a_writer_that_sends_its_message_wakes_the_next_one() {
    let app = TestApp::new().await;
    let [first, second] = [0, 1].map(|n| message(Some("writer"), n));
    assert_eq!(write(&app, std::slice::from_ref(&first), RELAY_LEASE).await.len(), 1);
    assert!(write(&app, std::slice::from_ref(&second), RELAY_LEASE).await.is_empty());
    assert!(relay(&app).await.is_empty());
    assert_eq!(held(&app).await, 1);
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    outbox::mark_published(&conn, std::slice::from_ref(&first), &[first.id]).await.expect("marked");
    drop(conn);
    assert_eq!(relay(&app).await, [second.id]);
}

/// A claim of an earlier version leases a held message and leaves `held_at` as it is.
#[tokio::test]
async fn a_mark_leaves_a_message_with_the_relay_that_has_it() {
    let app = TestApp::new().await;
    let both = [0, 1].map(|n| message(Some("leased"), n));
    write(&app, &both, RELAY_LEASE).await;
    let client = app.database.client().await;
    let lease = "update outbox set held_at = now(), lease_by = gen_random_uuid(), due_at = now() + interval '30 seconds'
                 where id = $1";
    client.execute(lease, &[&both[1].id]).await.expect("a lease");
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    outbox::mark_published(&conn, &both, &[both[0].id]).await.expect("marked");
    drop(conn);
    assert!(relay(&app).await.is_empty(), "the other relay still has it");
}

/// A message that its writer is still sending is not held, and stays with its writer.
#[tokio::test]
async fn a_mark_wakes_only_what_a_claim_holds() {
    let app = TestApp::new().await;
    let both = [0, 1].map(|n| message(Some("both"), n));
    assert_eq!(write(&app, &both, RELAY_LEASE).await.len(), 2, "one transaction wrote both");
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    outbox::mark_published(&conn, &both, &[both[0].id]).await.expect("marked");
    drop(conn);
    assert!(relay(&app).await.is_empty());
}

#[tokio::test]
async fn what_has_waited_for_long_is_looked_at_less_often() {
    let app = TestApp::new().await;
    behind_a_parked_one(&app, "old").await;
    for (age, pause) in [("10 s", 60), ("30 min", 1_800), ("3 days", 3_600)] {
        let move_on = format!(
            "update outbox set created_at = now() - interval '{age}', due_at = now()
             where parked_at is null and published_at is null"
        );
        execute(&app, &move_on).await;
        relay(&app).await;
        let pauses = "select round(extract(epoch from max(due_at) - now()))::bigint from outbox where held_at is not null";
        let longest = number(&app, pauses).await;
        assert!((pause - 10..=pause + 10).contains(&longest), "{age}: {longest}");
    }
}
