//! An event's effects happen once, however often and wherever it is delivered.

use std::sync::atomic::{AtomicU32, Ordering};

use app_core::{
    Error, Result,
    application::{
        events::{self, Delivery},
        registry::{Handler, Received, Registry},
    },
    domain::event::Event,
    infrastructure::{db::Sql, tx::Tx},
    testing::TestApp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::support::{number, until_waiting_for};

/// `amount` more on the account of that name. The tests' accounts are users.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deposited {
    pub(crate) account: String,
    pub(crate) amount: i64,
}

impl Event for Deposited {
    const NAME: &'static str = "deposited";
}

/// Adds up, in one statement for all that came together.
pub(crate) struct AddUp;

impl Handler for AddUp {
    type Event = Deposited;
    const NAME: &'static str = "add_up";

    async fn handle(tx: &mut Tx<'_>, events: Vec<Received<Deposited>>) -> Result<()> {
        let (accounts, amounts): (Vec<String>, Vec<i64>) =
            events.into_iter().map(|received| (received.event.account, received.event.amount)).unzip();
        tx.execute(
            // Locked in one order, whatever the order of the events: two consumers cannot deadlock.
            "with change as materialized (
               select account, sum(amount) as amount from unnest($1::text[], $2::int8[]) as deposit (account, amount)
               group by account),
             locked as materialized (
               select id, first_name from users where first_name in (select account from change) order by id for update)
             update users set meta = jsonb_build_object('sum', coalesce((meta ->> 'sum')::int8, 0) + change.amount)
             from change, locked where users.id = locked.id and locked.first_name = change.account",
            &[&accounts, &amounts],
        )
        .await
        .map(drop)
    }
}

pub(crate) async fn open_accounts(app: &TestApp, count: usize) {
    let query = format!(
        "insert into users (first_name) select 'account ' || n from generate_series(0, {count} - 1) as n"
    );
    app.database.client().await.batch_execute(&query).await.expect("accounts");
}

pub(crate) fn deposit(id: Uuid, account: usize, amount: i64) -> String {
    json!({ "event": "deposited", "id": id, "data": { "account": format!("account {account}"), "amount": amount } })
        .to_string()
}

async fn deliver(app: &TestApp, registry: &Registry, bodies: &[&str]) -> Result<()> {
    let deliveries: Vec<_> = bodies.iter().map(|body| Delivery { body, message_id: "m-1" }).collect();
    events::handle_messages(app.app.db()?, registry, &deliveries).await.error.map_or(Ok(()), Err)
}

const SUM: &str = "select coalesce(sum((meta ->> 'sum')::int8), 0)::int8 from users";

#[tokio::test]
async fn an_event_that_is_delivered_again_changes_nothing() {
    let app = TestApp::new().await;
    open_accounts(&app, 1).await;
    let registry = Registry::new().on::<AddUp>();
    let (one, two) = (deposit(Uuid::from_u128(1), 0, 1), deposit(Uuid::from_u128(2), 0, 10));
    deliver(&app, &registry, &[&one, &one]).await.expect("the same twice in a batch");
    assert_eq!(number(&app, SUM).await, 1);
    deliver(&app, &registry, &[&one, &two]).await.expect("one old, one new");
    assert_eq!(number(&app, SUM).await, 11);
    deliver(&app, &registry, &[&two]).await.expect("all old");
    assert_eq!(number(&app, SUM).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_eight_consumers_have_at_once_is_done_once() {
    let app = TestApp::new().await;
    open_accounts(&app, 1).await;
    let registry = Registry::new().on::<AddUp>();
    let bodies: Vec<String> = (0..10).map(|n| deposit(Uuid::from_u128(n), 0, 1)).collect();
    let mut reversed: Vec<&str> = bodies.iter().map(String::as_str).collect();
    reversed.reverse();
    let forward: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let all = (0..8).map(|n| deliver(&app, &registry, if n % 2 == 0 { &forward } else { &reversed }));
    for outcome in futures_util::future::join_all(all).await {
        outcome.expect("no deadlock, whatever the order");
    }
    assert_eq!(number(&app, SUM).await, 10);
}

/// Somebody has the one in the middle: each consumer takes in what comes before it in its own order, and
/// waits. When it is free, nobody may wait for one who waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_have_the_same_events_in_another_order_wait_for_one_another_and_for_nothing_else() {
    let app = TestApp::new().await;
    open_accounts(&app, 1).await;
    let registry = Registry::new().on::<AddUp>();
    let bodies: Vec<String> = (0..11).map(|n| deposit(Uuid::from_u128(n), 0, 1)).collect();
    let forward: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let backward: Vec<&str> = forward.iter().copied().rev().collect();
    let other = app.database.client().await;
    let middle = "begin; insert into inbox (handler, message_id) values ('add_up', '00000000-0000-0000-0000-000000000005')";
    other.batch_execute(middle).await.expect("a row");
    let free = async {
        until_waiting_for(&other, &app, 2).await;
        other.batch_execute("rollback").await.expect("no row");
    };
    let (one, two, ()) =
        tokio::join!(deliver(&app, &registry, &forward), deliver(&app, &registry, &backward), free);
    one.and(two).expect("no deadlock");
    assert_eq!(number(&app, SUM).await, 11);
}

/// Fails at its first call.
struct SecondTry;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Handler for SecondTry {
    type Event = Deposited;
    const NAME: &'static str = "second_try";

    async fn handle(tx: &mut Tx<'_>, _: Vec<Received<Deposited>>) -> Result<()> {
        tx.execute("insert into users (first_name) values ('second try')", &[]).await?;
        if CALLS.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::unavailable("something", "not now"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn each_handler_of_an_event_is_done_with_it_by_itself() {
    let app = TestApp::new().await;
    open_accounts(&app, 1).await;
    // The one that fails stands first: it must not keep the other from being done.
    let registry = Registry::new().on::<SecondTry>().on::<AddUp>();
    let body = deposit(Uuid::from_u128(1), 0, 1);
    assert!(deliver(&app, &registry, &[&body]).await.is_err(), "the first handler wants it again");
    let tried = "select count(*) from users where first_name = 'second try'";
    assert_eq!((number(&app, SUM).await, number(&app, tried).await), (1, 0));
    deliver(&app, &registry, &[&body]).await.expect("now it is well");
    assert_eq!((number(&app, SUM).await, number(&app, tried).await), (1, 1), "the other was not asked again");
}

#[tokio::test]
async fn an_event_of_a_newer_version_than_its_handlers_read_is_refused() {
    let app = TestApp::new().await;
    open_accounts(&app, 1).await;
    let newer = deposit(Uuid::from_u128(1), 0, 1).replacen('{', r#"{"v": 2, "#, 1);
    let refused = deliver(&app, &Registry::new().on::<AddUp>(), &[&newer]).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("newer than its handlers support")));
    assert_eq!(number(&app, SUM).await, 0);
}

#[test]
#[should_panic(expected = "deposited has two handlers with the name add_up")]
fn two_handlers_of_one_name_would_be_taken_for_one() {
    let _ = Registry::new().on::<AddUp>().on::<AddUp>();
}
