//! Invoked by an operator: looks into the outbox, sets messages free, gives roles, flushes
//! what may be forgotten.
use app_core::{App, Need, interfaces::job, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), job::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::KeyValue]).await?; // once per cold start
    job::serve(app, operations::handler).await
}
