//! Runs task messages.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;
use uuid::Uuid;

use super::{Services, TaskContext, TaskRules, enqueue};
use crate::{
    application::{
        arrived::Delivery,
        registry::{Registry, RunTask},
    },
    domain::{Error, Result, json, tasks::Failure},
    infrastructure::{
        db::{Conn, Db},
        messaging::{
            Outgoing,
            envelope::{self, TaskMessage, Trace},
        },
        repository::tasks::{self, Claim, TaskView},
        security,
    },
    telemetry::{self, Kind, Metric, Span},
};

/// The claim lasts longer than the run by this time, in which the outcome is stored.
const GRACE: Duration = Duration::from_secs(5);

/// A task without a row begins with the attempt of its message, and each retry adds one. This bound keeps it
/// far from the end of the column's type. It does not hold for a known task: its row decides which attempt
/// runs, and a bound would end a task that began at the bound and was retried.
const MAX_ADOPTED_ATTEMPT: i32 = 1_000_000;

/// Larger results belong in a separate table.
const MAX_RESULT_BYTES: usize = 64 * 1024;

/// What is needed to run tasks.
#[derive(Debug)]
pub struct Worker<'a> {
    db: &'a Db,
    registry: &'a Registry,
    services: Services<'a>,
}

impl<'a> Worker<'a> {
    pub fn new(db: &'a Db, registry: &'a Registry, services: Services<'a>) -> Self {
        Self { db, registry, services }
    }

    /// Runs the task that a message names, cancels it at `end`, and returns the messages to send.
    ///
    /// # Errors
    /// `Malformed` for a message that can never run. Any other error means that the message should be
    /// delivered again. A failed task is not an error: its row says so, and its next attempt, if there is
    /// one, is a separate message.
    ///
    /// Boxed, so that the function itself compiles none of it (docs/decisions/0135).
    pub fn run<'b>(&'b self, delivery: Delivery<'b>, end: Instant) -> BoxFuture<'b, Result<Vec<Outgoing>>> {
        self.run_until(end, delivery).boxed()
    }

    async fn run_until(&self, end: Instant, delivery: Delivery<'_>) -> Result<Vec<Outgoing>> {
        let message: TaskMessage = envelope::parse(delivery.body)?;
        let (rules, run) = self.registry.find_task(&message.task)?;
        if message.attempt < 1 {
            return Err(Error::Malformed("`attempt` must be 1 or more".into()));
        }
        let id = message.task_id(delivery.message_id);

        let mut conn = self.db.conn().await?;
        let Some(run) = run else { return pass_on(&mut conn, rules, message, id).await };
        let earlier_attempts = match self.claim(&conn, &message, rules, id, end).await? {
            Claim::Ours { earlier_attempts } => earlier_attempts,
            Claim::RunningElsewhere => return Err(Error::unavailable("task", "running elsewhere")),
            Claim::OtherTask => {
                return Err(Error::Malformed("the id belongs to a task with another name".into()));
            }
            Claim::Over | Claim::Unknown => return Ok(Vec::new()),
        };
        let context =
            TaskContext::new(id, message.attempt, end, self.services, self.registry.known(), &mut conn);
        let span = Span::begin(Kind::Consumer, rules.name).number("attempt", message.attempt.into());
        let outcome = attempt(context, run, message.args.clone(), end).await;
        span.end(&outcome);
        let error = match outcome {
            Ok(outgoing) => {
                Metric::TASKS.one_of(rules.name, "succeeded");
                return Ok(outgoing);
            }
            Err(error) => error,
        };
        // On a connection that owes no response: the task may have been given up at a statement.
        drop(conn);
        let failed = Failed { rules, message, id, earlier_attempts, error };
        failed.note(&mut self.db.conn().await?).await
    }

    async fn claim(
        &self,
        conn: &Conn,
        message: &TaskMessage,
        rules: &TaskRules,
        id: Uuid,
        end: Instant,
    ) -> Result<Claim> {
        let running_for = end.saturating_duration_since(Instant::now()) + GRACE;
        let TaskMessage { task, args, attempt, .. } = message;
        match tasks::claim(conn, id, task, *attempt, running_for).await? {
            Claim::Unknown => {
                if *attempt > MAX_ADOPTED_ATTEMPT {
                    let why = format!(
                        "`attempt` must be at most {MAX_ADOPTED_ATTEMPT} in the first message of a task"
                    );
                    return Err(Error::Malformed(why.into()));
                }
                if !enqueue::fits(args)? {
                    let why = format!(
                        "the arguments exceed {} bytes, so the task cannot be sent",
                        enqueue::MAX_ARGS_BYTES
                    );
                    return Err(Error::Malformed(why.into()));
                }
                tasks::adopt(conn, id, task, rules.queue, args, *attempt).await?;
                tasks::claim(conn, id, task, *attempt, running_for).await
            }
            claim => Ok(claim),
        }
    }
}

/// Sends a task on to its own queue. It came here from an earlier version, from a schedule or from a person.
async fn pass_on(
    conn: &mut Conn,
    rules: &TaskRules,
    message: TaskMessage,
    id: Uuid,
) -> Result<Vec<Outgoing>> {
    let TaskMessage { task, args, attempt, .. } = message;
    let mut tx = conn.begin().await?;
    let (message_id, message) = enqueue::passed_on(&task, args, id, attempt);
    tx.enqueue(rules.queue, message_id, &message, Duration::ZERO)?;
    tx.commit().await
}

/// Runs the task once. What it writes through its transaction commits together with its success, or not at
/// all.
async fn attempt(
    mut context: TaskContext<'_>,
    run: &RunTask,
    args: Value,
    end: Instant,
) -> Result<Vec<Outgoing>> {
    // A panic is a failure like any other: the row must say so.
    let work = AssertUnwindSafe(run(&mut context, args)).catch_unwind();
    let result = match tokio::time::timeout_at(end.into(), work).await {
        Ok(Ok(result)) => result?,
        Ok(Err(panic)) => return Err(Error::internal(telemetry::caught(&*panic))),
        Err(late) => return Err(Error::unavailable("time", late)),
    };
    if json::stored_bytes(&result) > MAX_RESULT_BYTES {
        return Err(Error::invalid("result", "too_long"));
    }
    context.succeed(&result).await
}

/// An attempt that failed.
struct Failed<'a> {
    rules: &'a TaskRules,
    message: TaskMessage,
    id: Uuid,
    earlier_attempts: i32,
    error: Error,
}

impl Failed<'_> {
    /// Ends the task, or arranges its next attempt.
    async fn note(&self, conn: &mut Conn) -> Result<Vec<Outgoing>> {
        let (id, TaskMessage { task, attempt, .. }) = (self.id, &self.message);
        let error = self.error.chain();
        let counted = attempt - self.earlier_attempts;
        if !self.error.retryable() || counted >= self.rules.max_attempts {
            let error_code = self.error.code();
            // The alarm of template.base.yaml leaves these out.
            let recipient_refused = self.error.is_of_recipient();
            tracing::error!(
                task,
                task_id = %id,
                attempt,
                error_code,
                error,
                recipient_refused,
                "the task failed permanently"
            );
            tasks::fail(&*conn, id, *attempt, Failure::of(&self.error)).await?;
            Metric::TASKS.one_of(self.rules.name, "failed");
            return Ok(Vec::new());
        }
        let delay = jittered((self.rules.backoff)(counted))?;
        let delay_ms = delay.as_millis() as u64;
        tracing::warn!(task, task_id = %id, attempt, delay_ms, error, "the task failed; it will be retried");
        Metric::TASKS.one_of(self.rules.name, "retried");
        match self.retry(conn, delay).await {
            // Another task of its key was written at this very moment. Now it can be seen.
            Err(Error::AlreadyExists(_)) => self.retry(conn, delay).await,
            other => other,
        }
    }

    /// Raises the attempt and sends its message in one transaction. A message that was sent separately
    /// would live next to the present one, if that is not acknowledged.
    async fn retry(&self, conn: &mut Conn, delay: Duration) -> Result<Vec<Outgoing>> {
        let TaskMessage { task, args, attempt, .. } = &self.message;
        let mut tx = conn.begin().await?;
        if tasks::retry(&tx, self.id, *attempt, Failure::of(&self.error), delay).await? {
            let (message_id, message) =
                enqueue::retry(task, args.clone(), self.id, attempt + 1, Trace::current());
            tx.enqueue(self.rules.queue, message_id, &message, delay)?;
        }
        tx.commit().await
    }
}

/// Notes that the message of a task has been given up: the row says so, and its key
/// is free. A message that cannot be read is ignored.
pub async fn set_aside(db: &Db, delivery: Delivery<'_>) -> Result<()> {
    let Ok(message) = envelope::parse::<TaskMessage>(delivery.body) else { return Ok(()) };
    let id = message.task_id(delivery.message_id);
    tasks::set_aside(&db.conn().await?, id, &message.task, message.attempt).await
}

/// Between half of it and all of it.
fn jittered(delay: Duration) -> Result<Duration> {
    let random = u16::from_ne_bytes(security::random()?);
    Ok(delay.mul_f64(0.5 + f64::from(random) / f64::from(u16::MAX) / 2.0))
}

/// Returns the state of a task of this owner, or of any task for `None`.
///
/// # Errors
/// `NotFound` also for a task of somebody else.
pub async fn find(db: &Db, id: Uuid, owner: Option<Uuid>) -> Result<TaskView> {
    tasks::find(&db.conn().await?, id, owner).await?.ok_or(Error::NotFound("task"))
}
