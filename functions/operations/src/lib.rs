//! Invoked by an operator, mostly through `cargo xtask outbox` and `cargo xtask queue`: the database
//! is rarely in reach of the operator's own machine.
//!
//! Event: `{"command": "outbox_status"}`, `{"command": "outbox_unpark", "ids": […]}`, the same with
//! `"all": true`, or `{"command": "dead_letters", "queue": "tasks", "message_ids": […]}`.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    infrastructure::{
        messaging::Queue,
        repository::operations::{self, DeadLetter, OutboxStatus, Unparked},
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
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum OperationsResponse {
    Outbox(OutboxStatus),
    Unparked(Unparked),
    DeadLetters { dead_letters: Vec<DeadLetter> },
}

pub async fn handler(app: App, request: OperationsRequest, _: Instant) -> Result<OperationsResponse> {
    let sql = app.db()?.conn().await?;
    Ok(match request {
        OperationsRequest::OutboxStatus => OperationsResponse::Outbox(operations::outbox_status(&sql).await?),
        OperationsRequest::OutboxUnpark { ids, all: false } if !ids.is_empty() => {
            OperationsResponse::Unparked(operations::unpark(&sql, &ids).await?)
        }
        OperationsRequest::OutboxUnpark { ids, all: true } if ids.is_empty() => {
            OperationsResponse::Unparked(operations::unpark_all(&sql).await?)
        }
        OperationsRequest::OutboxUnpark { .. } => {
            return Err(Error::Malformed("the event: name ids, or say \"all\": true".into()));
        }
        OperationsRequest::DeadLetters { queue, message_ids } => {
            let queue = Queue::parse(&queue).ok_or_else(|| Error::invalid("queue", "events_or_tasks"))?;
            let dead_letters = operations::dead_letters(&sql, queue, &message_ids).await?;
            OperationsResponse::DeadLetters { dead_letters }
        }
    })
}
