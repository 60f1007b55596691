//! Invoked by an operator, mostly through `cargo xtask outbox`, `queue` and `users`: the database is
//! rarely in reach of the operator's own machine.
//!
//! Event: `{"command": "outbox_status"}`, `{"command": "outbox_unpark", "ids": […]}`, the same with
//! `"all": true`, `{"command": "dead_letters", "queue": "tasks", "message_ids": […]}`,
//! `{"command": "roles"}`, `{"command": "role_grant", "email": "…", "role": "admin"}` or `role_revoke`,
//! `{"command": "key_value_flush", "prefix": "…"}`.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    application::roles::RoleChange,
    domain::users::Email,
    infrastructure::{
        key_value::Prefix,
        messaging::Queue,
        repository::{
            operations::{self, DeadLetter, OutboxStatus, Unparked},
            roles::Role,
        },
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum OperationsRequest {
    OutboxStatus,
    OutboxUnpark {
        #[serde(default)]
        ids: Vec<Uuid>,
        #[serde(default)]
        all: bool,
    },
    /// `message_ids` are SQS's own.
    DeadLetters {
        queue: String,
        message_ids: Vec<String>,
    },
    Roles,
    RoleGrant {
        email: Email,
        role: String,
    },
    RoleRevoke {
        email: Email,
        role: String,
    },
    /// Forgets all values whose keys begin so: after a release that kept wrong ones.
    KeyValueFlush {
        prefix: String,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum OperationsResponse {
    Outbox(OutboxStatus),
    Unparked(Unparked),
    DeadLetters { dead_letters: Vec<DeadLetter> },
    Roles { roles: Vec<Role> },
    RoleChange(RoleChange),
    Flushed { flushed: u64 },
}

pub async fn handler(app: App, request: OperationsRequest, _: Instant) -> Result<OperationsResponse> {
    let db = app.db()?;
    Ok(match request {
        OperationsRequest::OutboxStatus => {
            OperationsResponse::Outbox(operations::outbox_status(&db.conn().await?).await?)
        }
        OperationsRequest::OutboxUnpark { ids, all: false } if !ids.is_empty() => {
            OperationsResponse::Unparked(operations::unpark(&db.conn().await?, &ids).await?)
        }
        OperationsRequest::OutboxUnpark { ids, all: true } if ids.is_empty() => {
            OperationsResponse::Unparked(operations::unpark_all(&db.conn().await?).await?)
        }
        OperationsRequest::OutboxUnpark { .. } => {
            return Err(Error::Malformed("the event: name ids, or say \"all\": true".into()));
        }
        OperationsRequest::DeadLetters { queue, message_ids } => {
            let queue = Queue::parse(&queue).ok_or_else(|| Error::invalid("queue", "events_or_tasks"))?;
            let dead_letters = operations::dead_letters(&db.conn().await?, queue, &message_ids).await?;
            OperationsResponse::DeadLetters { dead_letters }
        }
        OperationsRequest::Roles => OperationsResponse::Roles { roles: app.roles()?.list().await? },
        OperationsRequest::RoleGrant { email, role } => {
            OperationsResponse::RoleChange(app.roles()?.grant(&email, &role).await?)
        }
        OperationsRequest::RoleRevoke { email, role } => {
            OperationsResponse::RoleChange(app.roles()?.revoke(&email, &role).await?)
        }
        OperationsRequest::KeyValueFlush { prefix } => {
            OperationsResponse::Flushed { flushed: app.key_value()?.flush(&Prefix::parse(prefix)?).await? }
        }
    })
}
