//! Invoked by an operator: shows the outbox, unparks messages, changes tasks and roles, flushes cached values.
use app_core::{App, Need, interfaces::job, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), job::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::KeyValue]).await?; // once per cold start
    job::serve(app, operations::handler).await
}
