//! `GET /api/v1/users/me/`: returns the signed-in user.
use app_core::{App, Need, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Tokens]).await?; // once per cold start
    http::serve(app, users_me::handler).await
}
