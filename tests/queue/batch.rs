//! The contract with Lambda's event source mapping.

use app_core::{
    App, Error, Result,
    infrastructure::messaging::Outgoing,
    interfaces::queue::{self, Record},
    testing::{TestApp, event},
};
use std::time::{Duration, Instant};

use crate::support::{call, call_until, in_a_minute, message_ids};

/// Panics, fails or succeeds as the record's place in the batch asks for.
async fn troubled(_: App, record: Record, _: Instant) -> Result<Vec<Outgoing>> {
    let ids = message_ids(&event("tasks-worker.one-poisoned"));
    match ids.iter().position(|id| *id == record.message_id) {
        Some(2) => panic!("a bug in a handler"),
        Some(5) => Err(Error::unavailable("database", "down")),
        _ => Ok(Vec::new()),
    }
}

#[tokio::test]
async fn a_panic_and_an_error_fail_their_own_record_and_no_other() {
    let app = TestApp::new().await;
    let event = event("tasks-worker.one-poisoned");
    let ids = message_ids(&event);
    assert_eq!(call(&app, troubled, &event).await, [ids[2].clone(), ids[5].clone()]);
}

#[tokio::test]
async fn the_answer_has_lambdas_spelling() {
    let app = TestApp::new().await;
    let event = event("tasks-worker.one-poisoned");
    let answer = queue::answer(&app.app, troubled, &event.to_string(), in_a_minute()).await.expect("a batch");
    let ids = message_ids(&event);
    assert_eq!(
        serde_json::to_string(&answer).expect("json"),
        format!(
            r#"{{"batchItemFailures":[{{"itemIdentifier":"{}"}},{{"itemIdentifier":"{}"}}]}}"#,
            ids[2], ids[5]
        )
    );
}

#[tokio::test]
async fn all_well_is_an_empty_list() {
    let app = TestApp::new().await;
    async fn well(_: App, _: Record, _: Instant) -> Result<Vec<Outgoing>> {
        Ok(Vec::new())
    }
    let answer = queue::answer(&app.app, well, &event("tasks-worker").to_string(), in_a_minute())
        .await
        .expect("a batch");
    assert_eq!(serde_json::to_string(&answer).expect("json"), r#"{"batchItemFailures":[]}"#);
}

#[tokio::test]
async fn an_event_that_is_no_batch_is_an_error_of_the_invocation() {
    let app = TestApp::new().await;
    for event in ["{}", "null", "[]", r#"{"Records": 5}"#] {
        assert!(queue::answer(&app.app, troubled, event, in_a_minute()).await.is_err(), "{event}");
    }
}

#[tokio::test]
async fn without_time_left_records_are_given_back_untouched() {
    let app = TestApp::new().await;
    let event = event("tasks-worker.one-poisoned");
    let soon = Instant::now() + Duration::from_millis(500);
    assert_eq!(call_until(&app, troubled, &event, soon).await, message_ids(&event));
}
