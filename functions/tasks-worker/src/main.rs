//! Tasks queue: runs each task and stores its outcome.
use app_core::{App, Need, interfaces::queue, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), queue::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Mail]).await?; // once per cold start
    queue::serve(app, tasks_worker::SOURCE, tasks_worker::handler).await
}
