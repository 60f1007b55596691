//! Calling queue functions, and looking at what they left.

use std::time::{Duration, Instant};

use app_core::{
    App, Result,
    infrastructure::messaging::Outgoing,
    interfaces::queue::{self, Record},
    testing::{Event, TestApp, event},
};
use serde_json::json;

pub(crate) fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// The message ids of the records that failed.
pub(crate) async fn call<H, F>(app: &TestApp, handler: H, event: &Event) -> Vec<String>
where
    H: Fn(App, Record, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    call_until(app, handler, event, in_a_minute()).await
}

pub(crate) async fn call_until<H, F>(
    app: &TestApp,
    handler: H,
    event: &Event,
    deadline: Instant,
) -> Vec<String>
where
    H: Fn(App, Record, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let response = queue::answer(&app.app, handler, &event.to_string(), deadline).await.expect("a batch");
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// The sample batch with one record, whose body is this.
pub(crate) fn one(sample: &str, body: &str) -> Event {
    let mut event = event(sample);
    event.0["Records"][0]["body"] = json!(body);
    event
}

pub(crate) fn message_ids(event: &Event) -> Vec<String> {
    let records = event.0["Records"].as_array().expect("records");
    records.iter().map(|record| record["messageId"].as_str().expect("an id").to_owned()).collect()
}

/// How many tasks are in this state.
pub(crate) async fn tasks(app: &TestApp, state: &str) -> i64 {
    let client = app.database.client().await;
    client.query_one("select count(*) from task where state = $1", &[&state]).await.expect("a count").get(0)
}
