//! Runs one task message.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    application::handlers::{Handlers, TaskEntry},
    domain::{Error, Result},
    infrastructure::{
        db::{Conn, Db},
        messaging::{
            Outgoing,
            envelope::{self, TaskMessage},
        },
        repository::tasks::{self, Claim},
    },
};

/// Runs the task that `body` names and returns what it wants sent. `message_id` stands in for the
/// id of a task that has none; `time_left` is how long nobody else may start it.
///
/// # Errors
/// `Malformed` for a message that can never run; any other error means that the message should
/// come again. A task that failed for good is not an error: its row says so.
pub async fn run_message(
    db: &Db,
    handlers: &Handlers,
    body: &str,
    message_id: &str,
    time_left: Duration,
) -> Result<Vec<Outgoing>> {
    let message: TaskMessage = envelope::parse(body)?;
    let entry = handlers.find_task(&message.task)?;
    let id = message.id.unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, message_id.as_bytes()));

    let mut conn = db.conn().await?;
    // Enqueued tasks have their row already; one that comes from a schedule or by hand gets it here.
    tasks::create(&conn, id, &message.task, entry.queue, &message.args).await?;
    let attempt = match tasks::claim(&conn, id, time_left).await? {
        Claim::Ours { attempt } => attempt,
        Claim::RunningElsewhere => return Err(Error::unavailable("task", "running elsewhere")),
        Claim::Finished => return Ok(Vec::new()),
    };

    let error = match run(&mut conn, entry, id, message.args).await {
        Ok(outgoing) => return Ok(outgoing),
        Err(error) => error,
    };
    let last = !error.retryable() || attempt >= entry.max_attempts;
    tasks::fail(&conn, id, &error.chain(), last).await?;
    if !last {
        return Err(error);
    }
    tracing::error!(task = message.task, task_id = %id, attempt, error = error.chain(), "task failed for good");
    Ok(Vec::new())
}

/// The task's effects and its success are one transaction: both or neither.
async fn run(conn: &mut Conn, entry: &TaskEntry, id: Uuid, args: Value) -> Result<Vec<Outgoing>> {
    let mut tx = conn.begin().await?;
    let result = (entry.run)(&mut tx, args).await?;
    tasks::succeed(&tx, id, &result).await?;
    tx.commit().await
}
