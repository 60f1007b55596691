//! The contract with Lambda's event source mapping.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use app_core::{
    App, Error, Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{self, Record, Source},
    testing::{TestApp, event},
};
use serde_json::json;

use crate::support::{batch_of, call, call_until, in_a_minute, message_ids};

const ONE_BY_ONE: Source = Source { queue: Queue::Tasks, together: false };
const TOGETHER: Source = Source { queue: Queue::Events, together: true };

/// Panics, fails or succeeds as the records' places in the batch ask for.
async fn troubled(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
    let ids = message_ids(&event("tasks-worker.one-poisoned"));
    for record in &records {
        match ids.iter().position(|id| *id == record.message_id) {
            Some(2) => panic!("a bug in a handler"),
            Some(5) => return Err(Error::unavailable("database", "down")),
            _ => {}
        }
    }
    Ok(Vec::new())
}

#[tokio::test]
async fn a_panic_and_an_error_fail_their_own_record_and_no_other() {
    let app = TestApp::new().await;
    let event = event("tasks-worker.one-poisoned");
    let ids = message_ids(&event);
    for source in [ONE_BY_ONE, TOGETHER] {
        assert_eq!(call(&app, source, troubled, &event).await, [ids[2].clone(), ids[5].clone()]);
    }
}

#[tokio::test]
async fn the_response_has_lambdas_spelling() {
    let app = TestApp::new().await;
    let event = event("tasks-worker.one-poisoned");
    let response =
        queue::respond(&app.app, ONE_BY_ONE, queue::Handler::of(troubled), &event.to_string(), in_a_minute())
            .await;
    let ids = message_ids(&event);
    assert_eq!(
        serde_json::to_string(&response.expect("a batch")).expect("json"),
        format!(
            r#"{{"batchItemFailures":[{{"itemIdentifier":"{}"}},{{"itemIdentifier":"{}"}}]}}"#,
            ids[2], ids[5]
        )
    );
}

#[tokio::test]
async fn all_well_is_an_empty_list() {
    let app = TestApp::new().await;
    async fn well(_: App, _: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        Ok(Vec::new())
    }
    let event = event("tasks-worker").to_string();
    let response = queue::respond(&app.app, ONE_BY_ONE, queue::Handler::of(well), &event, in_a_minute())
        .await
        .expect("a batch");
    assert_eq!(serde_json::to_string(&response).expect("json"), r#"{"batchItemFailures":[]}"#);
}

#[tokio::test]
async fn an_event_that_is_no_batch_is_an_error_of_the_invocation() {
    let app = TestApp::new().await;
    for event in ["{}", "null", "[]", r#"{"Records": 5}"#] {
        let response =
            queue::respond(&app.app, ONE_BY_ONE, queue::Handler::of(troubled), event, in_a_minute()).await;
        assert!(response.is_err(), "{event}");
    }
}

#[tokio::test]
async fn without_time_left_records_are_given_back_untouched() {
    let app = TestApp::new().await;
    let event = event("tasks-worker.one-poisoned");
    for source in [ONE_BY_ONE, TOGETHER] {
        let soon = Instant::now() + Duration::from_millis(500);
        assert_eq!(call_until(&app, source, troubled, &event, soon).await, message_ids(&event));
    }
}

#[tokio::test]
async fn a_record_that_hangs_is_given_up_in_time_to_respond_for_the_batch() {
    let app = TestApp::new().await;
    async fn hang(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        if records[0].message_id == "m-1" {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }
    let batch = batch_of(&[("m-0".into(), "{}".into()), ("m-1".into(), "{}".into())], 1);
    let deadline = Instant::now() + Duration::from_secs(3);
    assert_eq!(call_until(&app, ONE_BY_ONE, hang, &batch, deadline).await, ["m-1"]);
    assert!(Instant::now() < deadline, "Lambda would have ended the process");
}

#[tokio::test]
async fn new_records_are_tried_together_and_what_comes_again_alone() {
    static CALLS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    async fn count(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        CALLS.lock().expect("no panic").push(records.len());
        Ok(Vec::new())
    }
    let app = TestApp::new().await;
    let mut batch = batch_of(&(0..5).map(|n| (format!("m-{n}"), "{}".into())).collect::<Vec<_>>(), 1);
    for again in [1, 3] {
        batch.0["Records"][again]["attributes"]["ApproximateReceiveCount"] = json!("2");
    }
    assert!(call(&app, TOGETHER, count, &batch).await.is_empty());
    assert_eq!(*CALLS.lock().expect("no panic"), [3, 1, 1]);
}

#[tokio::test]
async fn on_a_fifo_queue_a_failure_holds_up_the_rest_of_its_group() {
    async fn second_fails(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        if records.iter().any(|record| record.message_id == "m-1") {
            return Err(Error::unavailable("something", "not now"));
        }
        Ok(Vec::new())
    }
    let app = TestApp::new().await;
    let mut batch = batch_of(&(0..6).map(|n| (format!("m-{n}"), "{}".into())).collect::<Vec<_>>(), 1);
    for n in 0..6 {
        let attributes = &mut batch.0["Records"][n]["attributes"];
        attributes["MessageGroupId"] = json!(if n % 2 == 0 { "even" } else { "odd" });
        attributes["SequenceNumber"] = json!(n.to_string());
    }
    for source in [ONE_BY_ONE, TOGETHER] {
        assert_eq!(call(&app, source, second_fails, &batch).await, ["m-1", "m-3", "m-5"]);
    }
    // The same groups on a standard queue hold up nothing.
    for n in 0..6 {
        batch.0["Records"][n]["attributes"].as_object_mut().expect("attributes").remove("SequenceNumber");
    }
    assert_eq!(call(&app, TOGETHER, second_fails, &batch).await, ["m-1"]);
}
