//! Invoked around each deployment, and by an operator: migrates the schema, reports the status of the migrations, makes
//! the roles of the database, or deletes old rows of the audit log, which its owner alone may do.
//!
//! Event: `{"command": "up"}`, `{"command": "down", "steps": 1}`, `{"command": "status"}`,
//! `{"command": "database_roles"}` or `{"command": "audit_prune", "before": "2025-01-31T00:00:00Z"}`. More than one step
//! down deletes a lot at once, so it needs `"yes": true` as well.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    application::audit_log::{self, Pruned},
    infrastructure::{
        database_roles::{Made, Wishes},
        migrate::{Runner, Status, embedded},
    },
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum MigrateRequest {
    Up,
    Down {
        steps: usize,
        #[serde(default)]
        yes: bool,
    },
    Status,
    /// Makes the roles, or brings them up to date. Passwords that work stay, unless `rotate` asks for new ones.
    DatabaseRoles {
        #[serde(default)]
        rotate: bool,
        /// The server belongs to this project alone.
        #[serde(default)]
        whole_server: bool,
    },
    /// Deletes rows of the audit log from before this time, as many as one call may.
    AuditPrune {
        before: String,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum MigrateResponse {
    Migrations {
        /// The status of every migration after this call.
        migrations: Vec<Status>,
        /// The migrations that this call applied or reverted.
        changed: Vec<String>,
    },
    DatabaseRoles(Made),
    AuditPrune(Pruned),
}

pub async fn handler(app: App, request: MigrateRequest, deadline: Instant) -> Result<MigrateResponse> {
    let runner = Runner::new(app.db()?, embedded());
    let changed = match request {
        MigrateRequest::DatabaseRoles { rotate, whole_server } => {
            let made = app.database_roles()?.make(Wishes { rotate, whole_server }).await?;
            return Ok(MigrateResponse::DatabaseRoles(made));
        }
        MigrateRequest::AuditPrune { before } => {
            let pruned = audit_log::prune_before(app.db()?, &before, deadline).await?;
            return Ok(MigrateResponse::AuditPrune(pruned));
        }
        MigrateRequest::Up => runner.up().await?,
        MigrateRequest::Down { steps, yes: false } if steps > 1 => {
            let problem = "reverting more than one migration deletes their tables and columns; confirm it";
            return Err(Error::Malformed(format!("{problem} with \"yes\": true").into()));
        }
        MigrateRequest::Down { steps, .. } => runner.down(steps).await?,
        MigrateRequest::Status => Vec::new(),
    };
    Ok(MigrateResponse::Migrations { migrations: runner.status().await?, changed })
}
