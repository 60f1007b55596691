//! `GET /docs/`, `/redoc/` and `/api/openapi.json`: serves the API's description.
use app_core::{App, interfaces::http, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: one thread is enough
async fn main() -> Result<(), http::RuntimeError> {
    telemetry::init();
    let app = App::alone()?; // once per cold start
    http::serve(app, docs::handler).await
}
