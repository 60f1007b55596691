//! Runs one task message.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
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
    telemetry,
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
    let mut claim = tasks::claim(&conn, id, time_left).await?;
    if claim == Claim::Unknown {
        // Enqueued tasks have their row; one that comes from a schedule or by hand gets it here.
        tasks::create(&conn, id, &message.task, entry.queue, &message.args).await?;
        claim = tasks::claim(&conn, id, time_left).await?;
    }
    let attempt = match claim {
        Claim::Ours { attempt } => attempt,
        Claim::RunningElsewhere => return Err(Error::unavailable("task", "running elsewhere")),
        Claim::Finished | Claim::Unknown => return Ok(Vec::new()),
    };
    let error = match run(&mut conn, entry, id, message.args).await {
        Ok(outgoing) => return Ok(outgoing),
        Err(error) => error,
    };
    let last = !error.retryable() || attempt >= entry.max_attempts;
    if let Err(second) = tasks::fail(&conn, id, &error.chain(), last).await {
        // The row stays as it is until its time is over; what comes again is the first error.
        tracing::warn!(task_id = %id, error = second.chain(), "could not note a failure");
        return Err(error);
    }
    if !last {
        return Err(error);
    }
    tracing::error!(task = message.task, task_id = %id, attempt, error = error.chain(), "task failed for good");
    Ok(Vec::new())
}

/// The task's effects and its success are one transaction: both or neither.
async fn run(conn: &mut Conn, entry: &TaskEntry, id: Uuid, args: Value) -> Result<Vec<Outgoing>> {
    let mut tx = conn.begin().await?;
    // A panic is a failure like any other: its row must say so.
    let result = AssertUnwindSafe((entry.run)(&mut tx, args)).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| Err(Error::internal(telemetry::caught(&*panic))))?;
    tasks::succeed(&tx, id, &result).await?;
    tx.commit().await
}
