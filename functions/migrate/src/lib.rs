//! Invoked after each deployment: migrates the schema, or reports the status of the migrations.
//!
//! Event: `{"command": "up"}`, `{"command": "down", "steps": 1}` or `{"command": "status"}`. More than
//! one step down deletes a lot at once, so it needs `"yes": true` as well.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    infrastructure::migrate::{Runner, Status, embedded},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub enum MigrateRequest {
    Up,
    Down {
        steps: usize,
        #[serde(default)]
        yes: bool,
    },
    Status,
}

#[derive(Debug, Serialize)]
pub struct MigrateResponse {
    /// The status of every migration after this call.
    migrations: Vec<Status>,
    /// The migrations that this call applied or reverted.
    changed: Vec<String>,
}

pub async fn handler(app: App, request: MigrateRequest, _: Instant) -> Result<MigrateResponse> {
    let runner = Runner::new(app.db()?, embedded());
    let changed = match request {
        MigrateRequest::Up => runner.up().await?,
        MigrateRequest::Down { steps, yes: false } if steps > 1 => {
            let problem = "reverting more than one migration deletes their tables and columns; confirm it";
            return Err(Error::Malformed(format!("{problem} with \"yes\": true").into()));
        }
        MigrateRequest::Down { steps, .. } => runner.down(steps).await?,
        MigrateRequest::Status => Vec::new(),
    };
    Ok(MigrateResponse { migrations: runner.status().await?, changed })
}
