//! `GET /api/v1/audit/`: lists the events of the audit log.
use app_core::{App, Need, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Tokens]).await?; // once per cold start
    http::serve(app, audit_list::handler).await
}
