//! Runs task messages.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use serde_json::Value;
use uuid::Uuid;

use super::{Job, Outside, enqueue};
use crate::{
    application::{
        events::Delivery,
        handlers::{Handlers, TaskEntry},
    },
    domain::{Error, Result},
    infrastructure::{
        db::{Conn, Db},
        messaging::{
            Outgoing,
            envelope::{self, TaskMessage},
        },
        repository::tasks::{self, Claim, TaskView},
        security,
    },
    telemetry,
};

/// The claim outlives the run by this: the outcome has to be written down, too.
const GRACE: Duration = Duration::from_secs(5);

/// Large things belong into a table of their own.
const MAX_RESULT_BYTES: usize = 64 * 1024;

/// What running tasks takes.
#[derive(Debug)]
pub struct Worker<'a> {
    db: &'a Db,
    handlers: &'a Handlers,
    outside: Outside<'a>,
}

impl<'a> Worker<'a> {
    pub fn new(db: &'a Db, handlers: &'a Handlers, outside: Outside<'a>) -> Self {
        Self { db, handlers, outside }
    }

    /// Runs the task that a message names, gives it up at `end`, and returns what it wants sent.
    ///
    /// # Errors
    /// `Malformed` for a message that can never run; any other error means that the message should
    /// come again. A task that failed is not an error: its row says so, and its next attempt, if
    /// it has one, is a message of its own.
    pub async fn run(&self, delivery: Delivery<'_>, end: Instant) -> Result<Vec<Outgoing>> {
        let message: TaskMessage = envelope::parse(delivery.body)?;
        let entry = self.handlers.find_task(&message.task)?;
        let id = message.task_id(delivery.message_id);

        let mut conn = self.db.conn().await?;
        match self.claim(&conn, &message, entry, id, end).await? {
            Claim::Ours => {}
            Claim::RunningElsewhere => return Err(Error::unavailable("task", "running elsewhere")),
            Claim::Over | Claim::Unknown => return Ok(Vec::new()),
        }
        let job = Job::new(id, message.attempt, end, self.outside, &mut conn);
        let error = match attempt(job, entry, message.args.clone(), end).await {
            Ok(outgoing) => return Ok(outgoing),
            Err(error) => error,
        };
        // On a connection that owes no answer: the task may have been given up at a statement.
        drop(conn);
        failed(&mut self.db.conn().await?, entry, message, id, &error).await
    }

    async fn claim(
        &self,
        conn: &Conn,
        message: &TaskMessage,
        entry: &TaskEntry,
        id: Uuid,
        end: Instant,
    ) -> Result<Claim> {
        let running_for = end.saturating_duration_since(Instant::now()) + GRACE;
        match tasks::claim(conn, id, message.attempt, running_for).await? {
            Claim::Unknown => {
                tasks::adopt(conn, id, &message.task, entry.queue, &message.args, message.attempt).await?;
                tasks::claim(conn, id, message.attempt, running_for).await
            }
            claim => Ok(claim),
        }
    }
}

/// What the task writes through its transaction and its success are one commit: both or neither.
async fn attempt(mut job: Job<'_>, entry: &TaskEntry, args: Value, end: Instant) -> Result<Vec<Outgoing>> {
    // A panic is a failure like any other: the row must say so.
    let work = AssertUnwindSafe((entry.run)(&mut job, args)).catch_unwind();
    let result = match tokio::time::timeout_at(end.into(), work).await {
        Ok(Ok(result)) => result?,
        Ok(Err(panic)) => return Err(Error::internal(telemetry::caught(&*panic))),
        Err(late) => return Err(Error::unavailable("time", late)),
    };
    if result.to_string().len() > MAX_RESULT_BYTES {
        return Err(Error::invalid("result", "too_long"));
    }
    job.succeed(&result).await
}

/// The end of the task, or its next attempt: raised and sent in one transaction. A message that
/// was sent on its own would live beside the one at hand, if that is not acknowledged.
async fn failed(
    conn: &mut Conn,
    entry: &TaskEntry,
    message: TaskMessage,
    id: Uuid,
    error: &Error,
) -> Result<Vec<Outgoing>> {
    let TaskMessage { task, args, attempt, .. } = message;
    let why = error.chain();
    if !error.retryable() || attempt >= entry.max_attempts {
        tracing::error!(task, task_id = %id, attempt, error = why, "task failed for good");
        tasks::fail(&*conn, id, attempt, &why).await?;
        return Ok(Vec::new());
    }
    let delay = jittered((entry.backoff)(attempt))?;
    tracing::warn!(task, task_id = %id, attempt, delay_ms = delay.as_millis() as u64, error = why, "task failed, it will be tried again");
    match retry(conn, entry, &task, &args, (id, attempt), &why, delay).await {
        // Another task of its key was written at this very moment. Now it can be seen.
        Err(Error::AlreadyExists(_)) => retry(conn, entry, &task, &args, (id, attempt), &why, delay).await,
        other => other,
    }
}

/// The next attempt's number and its message are one commit.
async fn retry(
    conn: &mut Conn,
    entry: &TaskEntry,
    task: &str,
    args: &Value,
    (id, attempt): (Uuid, i32),
    why: &str,
    delay: Duration,
) -> Result<Vec<Outgoing>> {
    let mut tx = conn.begin().await?;
    if tasks::retry(&tx, id, attempt, why).await? {
        let (message_id, message) = enqueue::retry(task, args.clone(), id, attempt + 1);
        tx.enqueue(entry.queue, message_id, &message, delay)?;
    }
    tx.commit().await
}

/// The message of a task has been given up: whoever asks for the task is told, and its key is free.
/// What the message does not say is left alone.
pub async fn set_aside(db: &Db, delivery: Delivery<'_>, reason: &str) -> Result<()> {
    let Ok(message) = envelope::parse::<TaskMessage>(delivery.body) else { return Ok(()) };
    let id = message.task_id(delivery.message_id);
    tasks::set_aside(&db.conn().await?, id, message.attempt, reason).await
}

/// Between half of it and all of it.
fn jittered(delay: Duration) -> Result<Duration> {
    let random = u16::from_ne_bytes(security::random()?);
    Ok(delay.mul_f64(0.5 + f64::from(random) / f64::from(u16::MAX) / 2.0))
}

/// What became of a task of this owner; of any, for `None`.
///
/// # Errors
/// `NotFound` also for a task of somebody else.
pub async fn find(db: &Db, id: Uuid, owner: Option<Uuid>) -> Result<TaskView> {
    tasks::find(&db.conn().await?, id, owner).await?.ok_or(Error::NotFound("task"))
}
