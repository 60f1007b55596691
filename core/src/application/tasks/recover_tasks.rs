//! Finds tasks whose message was lost, once a day: a queue drops what nobody took in its retention time.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, Job, Task, enqueue};
use crate::{
    application::handlers::{Handlers, TaskEntry},
    domain::{
        Error, Result,
        tasks::{Failure, Status},
    },
    infrastructure::{
        db::Tx,
        messaging::outbox,
        repository::task_operations::{self, Locked},
    },
};

/// A queue may hold a message back for a quarter of an hour before it counts its age.
const MARGIN: Duration = Duration::from_secs(3600);

/// A dead-letter queue of the template keeps a message this long after it was first sent.
pub const DEAD_LETTERS_KEPT: Duration = Duration::from_secs(14 * 86_400);

/// One run looks at this many. The next run follows at once if there may be more.
const PAGE: i64 = 100;

/// A lost message is replaced by that of the next attempt, so a copy that comes late runs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoverTasks {}

#[derive(Debug, Default, Serialize)]
struct Recovered {
    sent_again: usize,
    failed: usize,
    still_waiting: usize,
    /// An error kept them as they are. The next day's run looks at them again.
    left: usize,
}

/// What became of one task.
enum Outcome {
    SentAgain,
    Failed,
}

impl Task for RecoverTasks {
    const NAME: &'static str = "recover_tasks";

    async fn run(self, job: &mut Job<'_>) -> Result<Value> {
        let (handlers, kept) = (job.handlers(), job.outside().queue_retention);
        // A letter that is put back on its last day lives on the queue as long as any message.
        let redriven_until = DEAD_LETTERS_KEPT + kept + MARGIN;
        let tx = job.tx().await?;
        let late = task_operations::lock_late(tx, kept + MARGIN, redriven_until, PAGE).await?;
        let ids: Vec<Uuid> = late.iter().map(message_id).collect();
        // Parked, or its queue is down: such a message is not lost, it has not left.
        let alive: HashMap<Uuid, Option<OffsetDateTime>> =
            outbox::unsent_or_sent_within(tx, &ids, kept + MARGIN).await?.into_iter().collect();
        let mut recovered = Recovered::default();
        for task in &late {
            match alive.get(&message_id(task)) {
                Some(sent) => {
                    task_operations::still_waits(tx, task.id, *sent).await?;
                    recovered.still_waiting += 1;
                }
                // One task whose statement fails must not undo what is done for the others.
                None => {
                    let mark = tx.mark().await?;
                    let outcome = recover(tx, handlers, task).await;
                    match tx.settle(mark, outcome).await? {
                        Ok(Outcome::SentAgain) => recovered.sent_again += 1,
                        Ok(Outcome::Failed) => recovered.failed += 1,
                        // Another task of its key was written at this very moment.
                        Err(Error::AlreadyExists(_)) => {
                            fail(tx, task, Failure::Superseded).await?;
                            recovered.failed += 1;
                        }
                        Err(error) => {
                            let (task_id, error) = (task.id, error.chain());
                            tracing::error!(%task_id, task = task.name, error, "a late task could not be recovered");
                            recovered.left += 1;
                        }
                    }
                }
            }
        }
        // Tasks that were left come first again: a run that left some would follow itself without end.
        if late.len() as i64 == PAGE && recovered.left == 0 {
            Enqueue::new(&self)?.unique("rest").write(tx).await?;
        }
        if !late.is_empty() {
            let Recovered { sent_again, failed, still_waiting, left } = recovered;
            tracing::warn!(
                sent_again,
                failed,
                still_waiting,
                left,
                "tasks waited longer than their messages are kept"
            );
        }
        Ok(json!(recovered))
    }
}

fn message_id(task: &Locked) -> Uuid {
    enqueue::message_id(task.id, task.attempt)
}

/// Sends a task again, or ends it.
async fn recover(tx: &mut Tx<'_>, handlers: &Handlers, task: &Locked) -> Result<Outcome> {
    let failure = match sendable(handlers, task)? {
        Some(entry) if send_again(tx, task, entry, earlier_attempts(task)).await? => {
            let (task_id, name) = (task.id, &task.name);
            tracing::warn!(%task_id, task = name, "the message of a task was lost; it is sent again");
            return Ok(Outcome::SentAgain);
        }
        Some(_) => Failure::Superseded,
        None => Failure::MessageLost,
    };
    fail(tx, task, failure).await?;
    Ok(Outcome::Failed)
}

async fn fail(tx: &Tx<'_>, task: &Locked, failure: Failure) -> Result<()> {
    let (task_id, name, code) = (task.id, &task.name, failure.code());
    tracing::error!(%task_id, task = name, code, "the message of a task was lost; the task has failed");
    task_operations::end(tx, task, Status::Failed, Some(failure)).await
}

/// Returns how this version runs the task, if it may have another attempt.
fn sendable<'h>(handlers: &'h Handlers, task: &Locked) -> Result<Option<&'h TaskEntry>> {
    let Ok(entry) = handlers.find_task(&task.name) else { return Ok(None) };
    let next = task.attempt + 1 - earlier_attempts(task);
    let may = next <= entry.max_attempts && !task.set_aside && enqueue::fits(&task.args)?;
    Ok(may.then_some(entry))
}

/// Returns how many attempts do not count. A lost message costs no attempt if its attempt had not begun.
fn earlier_attempts(task: &Locked) -> i32 {
    task.earlier_attempts + i32::from(task.waits())
}

/// Writes the next attempt of a task and its message. The arguments must fit into it. Returns `false` when
/// another task of its name and key waits, which will do the work.
///
/// # Errors
/// `AlreadyExists` when that other task is written at this very moment.
pub(super) async fn send_again(
    tx: &mut Tx<'_>,
    task: &Locked,
    entry: &TaskEntry,
    earlier_attempts: i32,
) -> Result<bool> {
    if !task_operations::next_attempt(&*tx, task, earlier_attempts).await? {
        return Ok(false);
    }
    let (id, message) = enqueue::retry(&task.name, task.args.clone(), task.id, task.attempt + 1);
    tx.enqueue(entry.queue, id, &message, Duration::ZERO)?;
    Ok(true)
}
