//! Sends the events that go to Kafka from the outbox, all the time.
use app_core::{App, Need, interfaces::job, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), job::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Kafka]).await?; // once per cold start
    job::serve(app, outbox_relay_kafka::handler).await
}
