//! Invoked after each deployment: brings the schema up to date, or tells how it stands.
//!
//! Event: `{"command": "up"}`, `{"command": "down", "steps": 1}` or `{"command": "status"}`. More than
//! one step down deletes much at once, so that it needs `"yes": true` as well.

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
    /// How every migration stands now.
    migrations: Vec<Status>,
    /// What this call applied or took back.
    changed: Vec<String>,
}

pub async fn handler(app: App, request: MigrateRequest, _: Instant) -> Result<MigrateResponse> {
    let runner = Runner::new(app.db()?, embedded());
    let changed = match request {
        MigrateRequest::Up => runner.up().await?,
        MigrateRequest::Down { steps, yes: false } if steps > 1 => {
            let problem = "taking back more than one migration deletes their tables and columns; confirm it";
            return Err(Error::Malformed(format!("{problem} with \"yes\": true").into()));
        }
        MigrateRequest::Down { steps, .. } => runner.down(steps).await?,
        MigrateRequest::Status => Vec::new(),
    };
    Ok(MigrateResponse { migrations: runner.status().await?, changed })
}
