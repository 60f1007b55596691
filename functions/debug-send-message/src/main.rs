//! `POST /api/v1/debug/send-message/`: sends an event, to try out event handlers.
use app_core::{App, Need, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let needs = &[Need::Database, Need::Tokens, Need::Pseudonyms, Need::Queues];
    let app = App::from_env(needs).await?; // once per cold start
    http::serve(app, debug_send_message::handler).await
}
