//! `GET /api/v1/debug/health-check/`: checks the services that the functions depend on.
use app_core::{App, Need, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database]).await?; // once per cold start
    http::serve(app, debug_health_check::handler).await
}
