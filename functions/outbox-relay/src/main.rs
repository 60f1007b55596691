//! Runs every minute: sends the messages for SQS that are still in the outbox.
use app_core::{App, Need, interfaces::job, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), job::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database]).await?; // once per cold start
    job::serve(app, outbox_relay::handler).await
}
