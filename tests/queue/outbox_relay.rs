use std::time::Duration;

use app_core::{
    domain::users::events::UserCreated,
    infrastructure::{
        db::Db,
        messaging::{Outgoing, Queue, outbox},
    },
    interfaces::invocation,
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{in_a_minute, insert, number, record};

/// Groups are locked by name, for the whole database: each test has its own.
fn message(group: Option<&str>, n: usize) -> Outgoing {
    Outgoing {
        id: Uuid::now_v7(),
        queue: Queue::Events,
        body: json!({ "n": n }).to_string(),
        group: group.map(str::to_owned),
        delay: Duration::ZERO,
    }
}

/// Commits messages that nobody has sent. The leases of their writers have expired.
async fn leave(app: &TestApp, messages: &[Outgoing]) {
    let mut conn = db(app).conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    insert(&tx, messages, Duration::ZERO).await.expect("insert");
    tx.commit().await.expect("commit");
}

async fn leave_some(app: &TestApp, count: usize) -> Vec<Uuid> {
    let messages: Vec<_> = (0..count).map(|n| message(None, n)).collect();
    leave(app, &messages).await;
    messages.into_iter().map(|m| m.id).collect()
}

/// A claim as the relay makes it, of all these messages' queue.
async fn claim(app: &TestApp, relay: Uuid) -> Vec<Outgoing> {
    let conn = db(app).conn().await.expect("a connection");
    outbox::claim(&conn, relay, Queue::Events, LEASE).await.expect("a claim").messages
}

const LEASE: Duration = Duration::from_secs(30);

async fn time_passes(app: &TestApp) {
    let query = "update outbox set due_at = clock_timestamp() where due_at < 'infinity'";
    app.database.client().await.batch_execute(query).await.expect("time passes");
}

fn db(app: &TestApp) -> &Db {
    app.app.db().expect("a database")
}

async fn relay(app: &TestApp) -> Value {
    let response = invocation::respond(
        &app.app,
        outbox_relay::handler,
        &event("outbox-relay").to_string(),
        in_a_minute(),
    )
    .await;
    serde_json::to_value(response.expect("the relay ran")).expect("json")
}

/// How many were sent and how many were not.
async fn relayed(app: &TestApp) -> (u64, u64) {
    let response = relay(app).await;
    (response["sent"].as_u64().expect("a number"), response["failed"].as_u64().expect("a number"))
}

fn sent(app: &TestApp) -> Vec<Uuid> {
    app.bus.take().into_iter().map(|m| m.id).collect()
}

async fn unpublished(app: &TestApp) -> i64 {
    number(app, "select count(*) from outbox where published_at is null").await
}

#[tokio::test]
async fn the_relay_sends_what_is_left_over_in_order_and_once() {
    let app = TestApp::new().await;
    let ids = leave_some(&app, 25).await;
    assert_eq!(relay(&app).await, json!({ "sent": 25, "failed": 0, "parked": 0, "lag_seconds": 0 }));
    assert_eq!(sent(&app), ids);
    assert_eq!(unpublished(&app).await, 0);
    assert_eq!(relayed(&app).await, (0, 0));
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn with_the_queue_down_messages_stay_and_are_tried_again_later() {
    let app = TestApp::new().await;
    leave_some(&app, 25).await;
    app.bus.set_down(true);
    assert_eq!(relayed(&app).await, (0, 10), "one call is enough to see that the queue is down");
    assert_eq!(unpublished(&app).await, 25);
    let later =
        "select count(*) from outbox where due_at > clock_timestamp() and last_error like '%cut off%'";
    assert_eq!(number(&app, later).await, 10);
    // However long it lasts, this is not the messages' fault: none is given up.
    for _ in 0..12 {
        time_passes(&app).await;
        relayed(&app).await;
    }
    time_passes(&app).await;
    app.bus.set_down(false);
    assert_eq!(relayed(&app).await, (25, 0));
}

#[tokio::test]
async fn a_message_that_the_queue_refuses_is_parked_in_the_end_and_the_others_leave() {
    let app = TestApp::new().await;
    leave_some(&app, 3).await;
    app.bus.refuse(Some("\"n\":1"));
    assert_eq!(relayed(&app).await, (2, 1));
    for _ in 0..8 {
        time_passes(&app).await;
        assert_eq!(relay(&app).await["parked"], 0);
    }
    time_passes(&app).await;
    assert_eq!(relay(&app).await["parked"], 1);
    app.bus.refuse(None);
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (0, 0), "it waits for a person");
}

#[tokio::test]
async fn the_oldest_message_that_should_have_left_is_the_lag() {
    let app = TestApp::new().await;
    leave_some(&app, 2).await;
    app.bus.set_down(true);
    let old = "update outbox set created_at = now() - interval '100 seconds' where seq = 1";
    let for_later = "update outbox set created_at = now() - interval '1 day', deliver_at = now() + interval '1 day' where seq = 2";
    app.database.client().await.batch_execute(&format!("{old}; {for_later}")).await.expect("update");
    let lag = relay(&app).await["lag_seconds"].as_u64().expect("a number");
    assert!((100..110).contains(&lag), "{lag}");
}

#[tokio::test]
async fn a_group_leaves_in_order_and_a_refused_message_holds_up_its_group_alone() {
    let app = TestApp::new().await;
    let (a, b): (Vec<_>, Vec<_>) =
        (0..4).map(|n| (message(Some("a"), n), message(Some("b"), n + 10))).unzip();
    leave(&app, &[&a[..], &b[..]].concat()).await;
    app.bus.refuse(Some("\"n\":1}"));
    assert_eq!(relayed(&app).await, (5, 1));
    let left = sent(&app);
    assert_eq!(
        left.iter().filter(|id| b.iter().any(|m| m.id == **id)).copied().collect::<Vec<_>>(),
        b.iter().map(|m| m.id).collect::<Vec<_>>()
    );
    assert!(left.contains(&a[0].id) && !left.contains(&a[2].id) && !left.contains(&a[3].id));
    // Not even others may send what comes after it.
    assert!(claim(&app, Uuid::new_v4()).await.is_empty());
    app.bus.refuse(None);
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (3, 0));
    assert_eq!(sent(&app), [a[1].id, a[2].id, a[3].id]);
}

#[tokio::test]
async fn a_leased_message_holds_up_its_group_for_other_relays_and_for_writers() {
    let app = TestApp::new().await;
    let group: Vec<_> = (0..3).map(|n| message(Some("g"), n)).collect();
    leave(&app, &group).await;
    assert_eq!(claim(&app, Uuid::new_v4()).await.iter().map(|m| m.id).collect::<Vec<_>>(), [group[0].id]);
    assert!(claim(&app, Uuid::new_v4()).await.is_empty());
    let mut conn = db(&app).conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let next = message(Some("g"), 3);
    let ours = insert(&tx, &[next], LEASE).await.expect("insert");
    assert!(ours.is_empty(), "its writer may not send it past the others");
}

#[tokio::test]
async fn writers_of_one_group_commit_one_after_the_other() {
    let app = TestApp::new().await;
    let (mut one, mut two) =
        (db(&app).conn().await.expect("a connection"), db(&app).conn().await.expect("a connection"));
    let first = one.begin().await.expect("a transaction");
    insert(&first, &[message(Some("w"), 1)], LEASE).await.expect("insert");
    let later = message(Some("w"), 2);
    let second = async {
        let tx = two.begin().await.expect("a transaction");
        let ours = insert(&tx, std::slice::from_ref(&later), LEASE).await.expect("insert");
        tx.commit().await.expect("commit");
        ours
    };
    let mut second = std::pin::pin!(second);
    let waiting = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(waiting.is_err(), "a later number must not be visible before an earlier one");
    first.commit().await.expect("commit");
    assert!(second.await.is_empty(), "the first has not left yet");
}

#[tokio::test]
async fn what_is_for_later_is_handed_to_the_queue_when_the_queue_can_hold_it() {
    let app = TestApp::new().await;
    let delays = [60, 15 * 60, 16 * 60];
    let messages = delays.map(|seconds| Outgoing { delay: Duration::from_secs(seconds), ..message(None, 0) });
    let mut conn = db(&app).conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let ours = insert(&tx, &messages, Duration::ZERO).await.expect("insert");
    tx.commit().await.expect("commit");
    assert_eq!(ours, messages[..2], "a quarter of an hour is what SQS can hold back");
    drop(conn);
    assert_eq!(relayed(&app).await, (2, 0));
    let delays: Vec<u64> = app.bus.take().iter().map(|m| m.delay.as_secs()).collect();
    assert!((58..=60).contains(&delays[0]) && (898..=900).contains(&delays[1]), "{delays:?}");
    let query = "select extract(epoch from due_at - clock_timestamp())::bigint from outbox where published_at is null";
    assert!((57..=60).contains(&number(&app, query).await), "a quarter of an hour before its time");
}

#[tokio::test]
async fn what_its_writer_is_still_sending_is_not_touched() {
    let app = TestApp::new().await;
    assert_eq!(record(&app, &UserCreated { uuid: Uuid::from_u128(7) }).await.len(), 1);
    assert_eq!(relayed(&app).await, (0, 0));
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (1, 0));
}

#[tokio::test]
async fn two_relays_at_once_never_claim_the_same_message() {
    let app = TestApp::new().await;
    leave_some(&app, 40).await;
    let claim_all = || async {
        let (mut claimed, me) = (Vec::new(), Uuid::new_v4());
        loop {
            let batch = claim(&app, me).await;
            if batch.is_empty() {
                return claimed;
            }
            claimed.extend(batch.into_iter().map(|m| m.id));
        }
    };
    let (a, b, c) = futures_util::join!(claim_all(), claim_all(), claim_all());
    let mut all = [a, b, c].concat();
    assert_eq!(all.len(), 40, "none twice");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 40, "and none left out");
}

#[tokio::test]
async fn a_message_whose_relay_died_is_free_again_after_its_lease() {
    let app = TestApp::with(|config| {
        config.database.as_mut().expect("a database").outbox.relay_lease = Duration::from_millis(500);
    })
    .await;
    leave_some(&app, 1).await;
    let lease = db(&app).outbox().relay_lease;
    let conn = db(&app).conn().await.expect("a connection");
    let claimed = outbox::claim(&conn, Uuid::new_v4(), Queue::Events, lease).await.expect("a claim");
    assert_eq!(claimed.messages.len(), 1);
    drop(conn);
    assert_eq!(relayed(&app).await, (0, 0));
    tokio::time::sleep(lease).await;
    assert_eq!(relayed(&app).await, (1, 0));
}

#[tokio::test]
async fn claiming_reads_no_more_than_it_needs() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let fill = "insert into outbox (id, queue, body, published_at) select gen_random_uuid(), 'events', '{}', now() from generate_series(1, 20000);
                insert into outbox (id, queue, body) select gen_random_uuid(), 'events', '{}' from generate_series(1, 20);
                analyze outbox";
    client.batch_execute(fill).await.expect("rows");
    let plan =
        client.simple_query(&format!("explain (generic_plan) {}", outbox::CLAIM)).await.expect("a plan");
    let plan: Vec<&str> = plan
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    assert!(plan.len() > 3 && !plan.iter().any(|line| line.contains("Seq Scan")), "{plan:#?}");
}
