//! Events queue: passes each event to its event handlers.
use app_core::{App, Need, interfaces::queue, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), queue::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database]).await?; // once per cold start
    queue::serve(app, events_consumer::SOURCE, events_consumer::handler).await
}
