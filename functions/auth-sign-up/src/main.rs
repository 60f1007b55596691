//! `POST /api/v1/auth/sign-up/`: creates a user.
use app_core::{App, Need, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Limits, Need::Queues]).await?; // once per cold start
    http::serve(app, auth_sign_up::handler).await
}
