//! Events from a Kafka topic: passes each event to its event handlers.
use app_core::{App, Need, interfaces::queue, telemetry};
use events_consumer_kafka::{SOURCE, handler};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), queue::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database]).await?; // once per cold start
    queue::serve_kafka(app, SOURCE, handler).await
}
