//! `PATCH /api/v1/users/{uuid}/`: an administrator changes another user.
use app_core::{App, Need, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let app = App::from_env(&[Need::Database, Need::Tokens, Need::Pseudonyms]).await?; // once per cold start
    http::serve(app, users_update::handler).await
}
