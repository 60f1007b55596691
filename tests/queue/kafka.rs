//! Events from Kafka: captured batches, through the function's own door.

use std::time::{Duration, Instant};

use app_core::{
    interfaces::queue,
    testing::{Event, TestApp, event},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;

use crate::support::{in_a_minute, number, tasks};

/// Where which partition stopped.
async fn consume(app: &TestApp, event: &Event) -> Value {
    let text = event.to_string();
    let handler = events_consumer_kafka::handler;
    let response = queue::respond_kafka(
        &app.app,
        events_consumer_kafka::SOURCE,
        queue::Handler::of(handler),
        &text,
        in_a_minute(),
    )
    .await;
    serde_json::to_value(response.expect("a batch")).expect("json")["batchItemFailures"].take()
}

fn stopped(places: &[(&str, i64)]) -> Value {
    places
        .iter()
        .map(|(partition, offset)| json!({ "itemIdentifier": { "partition": partition, "offset": offset } }))
        .collect()
}

fn user_created(number: u128) -> String {
    json!({ "event": "user_created", "data": { "uuid": uuid::Uuid::from_u128(number) } }).to_string()
}

/// A batch of these (partition, offset, value).
fn batch(records: &[(&str, i64, &str)]) -> Event {
    let mut event = event("events-consumer-kafka");
    let sample = event.0["records"]["events-0"][0].clone();
    event.0["records"] = json!({});
    for (partition, offset, value) in records {
        let mut record = sample.clone();
        record["offset"] = json!(offset);
        record["value"] = json!(BASE64_STANDARD.encode(value));
        let own = event.0["records"].as_object_mut().expect("an object");
        own.entry(*partition).or_insert(json!([])).as_array_mut().expect("a list").push(record);
    }
    event
}

#[tokio::test]
async fn an_event_starts_what_it_starts_on_the_queue() {
    let app = TestApp::new().await;
    assert_eq!(consume(&app, &event("events-consumer-kafka")).await, json!([]));
    assert_eq!(tasks(&app, "queued").await, 2);
    let sent = app.bus.take();
    assert_eq!(sent.len(), 2, "{sent:?}");
}

#[tokio::test]
async fn a_record_that_fails_stops_its_partition_and_no_other() {
    let app = TestApp::new().await;
    let event = event("events-consumer-kafka.one-poisoned");
    assert_eq!(consume(&app, &event).await, stopped(&[("events-0", 16)]));
    // The one before it, and both of the other partition; not the one behind it.
    assert_eq!(number(&app, "select count(distinct message_id) from inbox").await, 3);
    let why = "select count(*) from dead_letter where message_id = 'events-0@16'";
    assert_eq!(number(&app, why).await, 1, "why it failed is kept, once");
    assert_eq!(consume(&app, &event).await, stopped(&[("events-0", 16)]));
    assert_eq!(number(&app, why).await, 1);
    let done = "select count(distinct message_id) from inbox";
    assert_eq!(number(&app, done).await, 3, "what is done stays done, once");
}

#[tokio::test]
async fn what_comes_twice_is_done_once() {
    let app = TestApp::new().await;
    let (one, two) = (user_created(1), user_created(2));
    // The records carry no id, so the place in the partition is their id.
    let event = batch(&[("events-0", 1, &one), ("events-0", 2, &two), ("events-1", 1, &one)]);
    for _ in 0..3 {
        assert_eq!(consume(&app, &event).await, json!([]));
    }
    assert_eq!(tasks(&app, "queued").await, 6);
    let apart = batch(&[("events-0", 2, &two)]);
    assert_eq!(consume(&app, &apart).await, json!([]));
    assert_eq!(tasks(&app, "queued").await, 6);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_record_fails_that_record() {
    let app = TestApp::new().await;
    let good = user_created(1);
    for bad in ["", "meow", "[]", "{}", r#"{"event": "user_teleported", "data": {}}"#] {
        let event = batch(&[("a-0", 1, bad), ("b-0", 1, &good)]);
        assert_eq!(consume(&app, &event).await, stopped(&[("a-0", 1)]), "{bad}");
    }
    for odd in [json!(null), json!(7), json!("not base64!"), json!({ "a": 1 })] {
        let mut event = batch(&[("a-0", 1, &good), ("b-0", 2, &good)]);
        event.0["records"]["a-0"][0]["value"] = odd;
        event.0["records"]["a-0"][0]["headers"] = json!([{ "k": [-1, 300, "x"] }, 5]);
        event.0["records"]["b-0"][0]["headers"] = json!(null);
        event.0["records"]["b-0"][0]["key"] = json!(null);
        assert_eq!(consume(&app, &event).await, stopped(&[("a-0", 1)]));
    }
}

#[tokio::test]
async fn records_are_done_in_the_order_of_their_partition() {
    let app = TestApp::new().await;
    let (one, two) = (user_created(1), user_created(2));
    let event = batch(&[("a-0", 12, &two), ("a-0", 11, "meow"), ("a-0", 10, &one)]);
    assert_eq!(consume(&app, &event).await, stopped(&[("a-0", 11)]));
    assert_eq!(number(&app, "select count(distinct message_id) from inbox").await, 1);
}

#[tokio::test]
async fn without_a_database_all_of_it_comes_again_from_its_beginnings() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.port = 1;
        }
    })
    .await;
    let one = user_created(1);
    let event = batch(&[("a-0", 5, &one), ("a-0", 6, &one), ("b-1", 9, &one)]);
    assert_eq!(consume(&app, &event).await, stopped(&[("a-0", 5), ("b-1", 9)]));
}

#[tokio::test]
async fn what_there_is_no_time_for_comes_again() {
    let app = TestApp::new().await;
    let one = user_created(1);
    let event = batch(&[("a-0", 5, &one), ("b-1", 9, &one)]);
    // Less than what is kept back to respond.
    let soon = Instant::now() + Duration::from_millis(500);
    let handler = events_consumer_kafka::handler;
    let source = events_consumer_kafka::SOURCE;
    let response =
        queue::respond_kafka(&app.app, source, queue::Handler::of(handler), &event.to_string(), soon).await;
    let response = serde_json::to_value(response.expect("a batch")).expect("json");
    assert_eq!(response["batchItemFailures"], stopped(&[("a-0", 5), ("b-1", 9)]));
    assert_eq!(number(&app, "select count(*) from inbox").await, 0);
}

#[tokio::test]
async fn an_event_that_is_none_of_kafkas_is_an_error() {
    let app = TestApp::new().await;
    for text in
        ["{}", r#"{"records": []}"#, r#"{"records": {"a-0": [{"value": ""}]}}"#, "[]", r#"{"Records": []}"#]
    {
        let (source, handler) = (events_consumer_kafka::SOURCE, events_consumer_kafka::handler);
        let response =
            queue::respond_kafka(&app.app, source, queue::Handler::of(handler), text, in_a_minute()).await;
        assert!(response.is_err(), "{text}");
    }
}

#[tokio::test]
async fn the_log_tells_what_becomes_of_a_record_and_nothing_of_queues() {
    let app = TestApp::new().await;
    let log = Captured::at(LevelFilter::WARN);
    for _ in 0..2 {
        consume(&app, &batch(&[("a-0", 1, "meow"), ("a-0", 2, &user_created(1))])).await;
    }
    let text = log.finish();
    assert_eq!(text.matches("the record was refused; its partition waits").count(), 1, "{text}");
    assert!(text.contains("the record failed; its partition starts again at it"), "{text}");
    assert!(!text.contains("dead-letter") && !text.contains("receives"), "{text}");
}
