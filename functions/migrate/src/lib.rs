//! Invoked after each deployment: brings the schema up to date, or tells how it stands.
//!
//! Event: `{"command": "up"}`, `{"command": "down", "steps": 1}` or `{"command": "status"}`.

use std::time::Instant;

use app_core::{
    App, Result,
    infrastructure::migrate::{Runner, Status, embedded},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub enum MigrateRequest {
    Up,
    Down { steps: usize },
    Status,
}

#[derive(Debug, Serialize)]
pub struct MigrateResponse {
    /// How every migration stands now.
    migrations: Vec<Status>,
    /// What this call applied or took back.
    changed: Vec<String>,
}

pub async fn handler(app: App, request: MigrateRequest, _: Instant) -> Result<MigrateResponse> {
    let runner = Runner::new(app.db()?, embedded());
    let changed = match request {
        MigrateRequest::Up => runner.up().await?,
        MigrateRequest::Down { steps } => runner.down(steps).await?,
        MigrateRequest::Status => Vec::new(),
    };
    Ok(MigrateResponse { migrations: runner.status().await?, changed })
}
