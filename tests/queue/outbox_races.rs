//! A claim holds a message while another process marks the earlier message of its group as sent. In either order, the
//! held message is sent soon.

use std::{
    slice,
    time::{Duration, Instant},
};

use app_core::{
    application::drops,
    infrastructure::{
        db::Db,
        messaging::{Outgoing, Queue, outbox},
    },
    testing::TestApp,
};
use futures_util::future::join_all;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    outbox_groups::{RELAY_LEASE, execute, message, relay, write},
    support::{number, until_waiting_for},
};

fn db(app: &TestApp) -> &Db {
    app.app.db().expect("a database")
}

/// Commits a message that its writer is sending.
async fn first_of(app: &TestApp, group: &str) -> Outgoing {
    let first = message(Some(group), 0);
    assert_eq!(write(app, slice::from_ref(&first), RELAY_LEASE).await.len(), 1);
    first
}

/// Commits a message that is due, and waits for the first.
async fn next_of(app: &TestApp, group: &str) -> Uuid {
    let next = message(Some(group), 1);
    assert!(write(app, slice::from_ref(&next), RELAY_LEASE).await.is_empty());
    next.id
}

async fn mark(app: &TestApp, message: &Outgoing) {
    let conn = db(app).conn().await.expect("a connection");
    outbox::mark_published(&conn, slice::from_ref(message), &[message.id]).await.expect("marked");
}

/// Claims, and returns how many messages the claim holds.
async fn hold(client: &Client) -> i64 {
    let (seconds, queue) = (RELAY_LEASE.as_secs_f64(), Queue::Events.as_str());
    let rows = client.query(outbox::CLAIM, &[&Uuid::new_v4(), &seconds, &queue]).await.expect("a claim");
    rows[0].get("held")
}

#[tokio::test]
async fn a_claim_holds_nothing_behind_a_message_that_is_being_marked() {
    let app = TestApp::new().await;
    let first = first_of(&app, "being marked").await;
    let next = next_of(&app, "being marked").await;
    // A mark, one statement at a time.
    let (marker, claimer) = (app.database.client().await, app.database.client().await);
    marker.batch_execute("begin").await.expect("begin");
    marker.execute(outbox::MARK_PUBLISHED, &[&vec![first.id]]).await.expect("marked");
    assert_eq!(hold(&claimer).await, 0, "the claim still sees the first one as unsent");
    marker.execute(outbox::WAKE, &[&vec!["being marked"]]).await.expect("woken");
    assert_eq!(hold(&claimer).await, 0);
    marker.batch_execute("commit").await.expect("commit");
    assert_eq!(relay(&app).await, [next]);
}

#[tokio::test]
async fn a_mark_wakes_what_an_earlier_claim_holds() {
    let app = TestApp::new().await;
    let first = first_of(&app, "held before").await;
    let next = next_of(&app, "held before").await;
    // A relay had it once, and its lease has expired.
    execute(&app, &format!("update outbox set lease_by = gen_random_uuid() where id = '{next}'")).await;
    let claimer = app.database.client().await;
    claimer.batch_execute("begin").await.expect("begin");
    assert_eq!(hold(&claimer).await, 1);
    let commit = async {
        until_waiting_for(&claimer, &app, 1).await;
        claimer.batch_execute("commit").await.expect("commit");
    };
    tokio::join!(mark(&app, &first), commit);
    assert_eq!(relay(&app).await, [next]);
}

#[tokio::test]
async fn a_mark_wakes_what_was_written_and_held_while_it_waited() {
    let app = TestApp::new().await;
    let first = first_of(&app, "written late").await;
    let (other, claimer) = (app.database.client().await, app.database.client().await);
    other.batch_execute("begin").await.expect("begin");
    other.query("select id from outbox where id = $1 for share", &[&first.id]).await.expect("a lock");
    // The pool has one connection, which the mark takes.
    let insert =
        "insert into outbox (id, queue, body, group_key) values ($1, 'events', '{}', 'written late')";
    let next = Uuid::now_v7();
    let late = async {
        until_waiting_for(&other, &app, 1).await;
        claimer.execute(insert, &[&next]).await.expect("a message");
        assert_eq!(hold(&claimer).await, 1);
        other.batch_execute("commit").await.expect("commit");
    };
    tokio::join!(mark(&app, &first), late);
    assert_eq!(relay(&app).await, [next]);
}

#[tokio::test]
async fn an_operator_who_drops_a_message_wakes_what_an_earlier_claim_holds() {
    let app = TestApp::new().await;
    let first = first_of(&app, "dropped late").await;
    let next = next_of(&app, "dropped late").await;
    let park = "update outbox set parked_at = now(), due_at = 'infinity' where id";
    execute(&app, &format!("{park} = '{}'", first.id)).await;
    let claimer = app.database.client().await;
    claimer.batch_execute("begin").await.expect("begin");
    assert_eq!(hold(&claimer).await, 1);
    let commit = async {
        until_waiting_for(&claimer, &app, 1).await;
        claimer.batch_execute("commit").await.expect("commit");
    };
    let ids = [first.id];
    let (dropped, ()) = tokio::join!(drops::outbox(db(&app), &ids), commit);
    assert_eq!(dropped.expect("dropped").dropped, ids);
    assert_eq!(relay(&app).await, [next]);
}

/// Three groups with a writer each, and two relays, without any pause.
#[tokio::test]
async fn under_load_no_message_sleeps_behind_one_that_was_sent() {
    let app = TestApp::with(|config| config.database.as_mut().expect("a database").pool_size = 5).await;
    let end = Instant::now() + Duration::from_secs(2);
    let writer = async |group: &str| {
        let mut written = 0;
        while Instant::now() < end {
            let one = message(Some(group), written);
            for own in write(&app, &[one], RELAY_LEASE).await {
                mark(&app, &own).await;
            }
            written += 1;
        }
        written
    };
    let relay = async || {
        while Instant::now() < end {
            let conn = db(&app).conn().await.expect("a connection");
            let claimed =
                outbox::claim(&conn, Uuid::new_v4(), Queue::Events, RELAY_LEASE).await.expect("a claim");
            let ids: Vec<Uuid> = claimed.messages.iter().map(|message| message.id).collect();
            outbox::mark_published(&conn, &claimed.messages, &ids).await.expect("marked");
        }
    };
    let writers = join_all(["load a", "load b", "load c"].map(writer));
    let (written, ()) = tokio::join!(writers, async {
        tokio::join!(relay(), relay());
    });
    let asleep = "select count(*) from outbox as mine
                  where held_at is not null and published_at is null and due_at > now() + interval '10 s'
                    and not exists (select from outbox as earlier
                                    where earlier.group_key = mine.group_key and earlier.seq < mine.seq
                                      and earlier.published_at is null)";
    println!("{} messages", written.iter().sum::<usize>());
    assert!(written.iter().all(|count| *count > 10), "{written:?}");
    assert_eq!(number(&app, asleep).await, 0);
}
