//! Messages that kill the process that handles them. In the tests a handler never returns and is dropped instead. Its
//! strike is set and not cleared, as after a crash.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use app_core::{
    App, Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{self, Record, Source},
    testing::{Event, TestApp},
};
use serde_json::json;

use crate::support::{batch_of, call, in_a_minute, number};

const SOURCE: Source = Source { queue: Queue::Events, together: false };

async fn deadly(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
    if records.iter().any(|record| record.body == "deadly") {
        std::future::pending::<()>().await;
    }
    Ok(Vec::new())
}

/// Works on a batch until the process dies of it.
async fn die(app: &TestApp, event: &Event) {
    let event = event.to_string();
    let work = queue::respond(&app.app, SOURCE, queue::Handler::of(deadly), &event, in_a_minute());
    assert!(tokio::time::timeout(Duration::from_millis(700), work).await.is_err(), "it should have died");
}

fn company(receives: u32) -> Event {
    let mut messages: Vec<_> = (0..4).map(|n| (format!("m-{n}"), "harmless".to_owned())).collect();
    messages.insert(1, ("m-deadly".to_owned(), "deadly".to_owned()));
    batch_of(&messages, receives)
}

#[tokio::test]
async fn a_message_that_kills_the_process_goes_alone_to_the_dead_letter_queue() {
    let app = TestApp::new().await;
    die(&app, &company(1)).await;
    // It comes again with its company: this time it is noted before it is tried.
    die(&app, &company(2)).await;
    assert_eq!(number(&app, "select sum(strikes) from strike").await, 1, "only the message in progress");
    // It is the last to be tried now.
    die(&app, &company(3)).await;
    assert_eq!(number(&app, "select sum(strikes) from strike").await, 2);
    // And then it is not tried any more, and its company is done.
    assert_eq!(call(&app, SOURCE, deadly, &company(4)).await, ["m-deadly"]);
    let query = "select count(*) from dead_letter where message_id = 'm-deadly' and reason like '%processes crashed%'";
    assert_eq!(number(&app, query).await, 1);
    assert_eq!(number(&app, "select count(*) from dead_letter").await, 1);
}

#[tokio::test]
async fn a_suspect_is_not_tried_where_it_would_cost_others_their_last_receives() {
    let app = TestApp::new().await;
    die(&app, &company(2)).await;
    let mut batch = company(3);
    batch.0["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("4");
    assert_eq!(call(&app, SOURCE, deadly, &batch).await, ["m-deadly"]);
    assert_eq!(number(&app, "select sum(strikes) from strike").await, 1, "it was not tried");
    // In better company it is, and alone.
    batch.0["Records"] = json!([batch.0["Records"][1]]);
    die(&app, &batch).await;
}

#[tokio::test]
async fn a_suspect_that_turns_out_well_is_cleared() {
    static DEADLY: Mutex<bool> = Mutex::new(true);
    async fn at_first(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        if records[0].body == "deadly" && *DEADLY.lock().expect("no panic") {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }
    let app = TestApp::new().await;
    let event = company(2).to_string();
    let work = queue::respond(&app.app, SOURCE, queue::Handler::of(at_first), &event, in_a_minute());
    assert!(tokio::time::timeout(Duration::from_millis(700), work).await.is_err());
    *DEADLY.lock().expect("no panic") = false;
    assert!(call(&app, SOURCE, at_first, &company(3)).await.is_empty());
    assert_eq!(number(&app, "select count(*) from strike").await, 0);
}

#[tokio::test]
async fn a_record_that_hangs_has_killed_nobody() {
    let app = TestApp::new().await;
    let deadline = std::time::Instant::now() + Duration::from_secs(3);
    let failed = crate::support::call_until(&app, SOURCE, deadly, &company(2), deadline).await;
    assert!(failed.contains(&"m-deadly".to_owned()), "{failed:?}");
    assert_eq!(number(&app, "select count(*) from strike").await, 0);
}
