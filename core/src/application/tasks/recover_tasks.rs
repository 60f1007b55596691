//! Finds tasks whose message was lost, once a day: a queue drops what nobody took in its retention time.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, Known, Task, TaskContext, TaskRules, enqueue, lost_events, place};
use crate::{
    domain::{
        Error, Result,
        tasks::{Failure, Status},
    },
    infrastructure::{
        messaging::{
            envelope::{Trace, message_id, passed_on_id},
            outbox,
        },
        repository::task_operations::{self, Lives, Locked},
        tx::Tx,
    },
};

/// A queue may hold a message back for a quarter of an hour before it counts its age.
const MARGIN: Duration = Duration::from_secs(3600);

/// A dead-letter queue of the template keeps a message this long after it was first sent.
pub const DEAD_LETTERS_KEPT: Duration = Duration::from_secs(14 * 86_400);

/// One run looks at this many. The next run follows at once if there are more.
const PAGE: i64 = 100;

/// A lost message is replaced by that of the next attempt, so a copy that comes late runs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoverTasks {
    /// Where this run begins: behind the last task of the run before. The daily run begins with the task that
    /// has waited for longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

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
    StillWaiting,
}

impl Task for RecoverTasks {
    const NAME: &'static str = "recover_tasks";

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let (known, kept) = (context.known(), context.services().queue_retention);
        let after = self.after.as_deref().map(place::read).transpose()?;
        if after.is_none() {
            lost_events::report(context, kept + MARGIN).await;
        }
        // A letter that is put back on its last day lives on the queue as long as any message.
        let lives = Lives { queued: kept + MARGIN, set_aside: DEAD_LETTERS_KEPT + kept + MARGIN };
        let tx = context.tx().await?;
        let page = task_operations::late(tx, lives, after, PAGE).await?;
        let late = task_operations::lock_late(tx, lives, &page).await?;
        let ids: Vec<Uuid> = late.iter().flat_map(message_ids).collect();
        // Parked, or its queue is down: such a message is not lost, it has not left.
        let alive: HashMap<Uuid, Option<OffsetDateTime>> =
            outbox::unsent_or_sent_within(tx, &ids, kept + MARGIN).await?.into_iter().collect();
        let mut recovered = Recovered::default();
        for task in &late {
            let sent = message_ids(task).iter().find_map(|id| alive.get(id)).copied();
            match recover(tx, known, task, sent).await? {
                Ok(Outcome::SentAgain) => recovered.sent_again += 1,
                Ok(Outcome::Failed) => recovered.failed += 1,
                Ok(Outcome::StillWaiting) => recovered.still_waiting += 1,
                Err(error) => {
                    let (task_id, error) = (task.id, error.chain());
                    tracing::error!(%task_id, task = task.name, error, "a late task could not be recovered");
                    recovered.left += 1;
                }
            }
        }
        // The next run begins behind this page, so tasks that were left or that others hold cannot stop it.
        if let Some(last) = page.last().filter(|_| page.len() as i64 == PAGE) {
            let rest = Self { after: Some(place::write(*last)) };
            Enqueue::new(&rest)?.unique("rest").write(tx).await?;
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

/// A message that came on the wrong queue is sent on under another id, which counts then.
fn message_ids(task: &Locked) -> [Uuid; 2] {
    [passed_on_id(task.id, task.attempt), message_id(task.id, task.attempt)]
}

/// Sends a task again, or ends it, or notes that its message is alive: `sent` says that it is, and when it left.
///
/// # Errors
/// The outer one ends the transaction. The inner one has changed nothing: one task whose statement fails must not
/// undo what is done for the others.
async fn recover(
    tx: &mut Tx<'_>,
    known: &Known,
    task: &Locked,
    sent: Option<Option<OffsetDateTime>>,
) -> Result<Result<Outcome>> {
    let mark = tx.mark().await?;
    let outcome = match sent {
        Some(sent) => task_operations::still_waits(&*tx, task.id, sent).await.map(|()| Outcome::StillWaiting),
        None => send_or_fail(tx, known, task).await,
    };
    match tx.settle(mark, outcome).await? {
        // Another task of its key was written at this very moment.
        Err(Error::AlreadyExists(_)) => {
            let mark = tx.mark().await?;
            let failed = fail(tx, task, Failure::Superseded).await.map(|()| Outcome::Failed);
            tx.settle(mark, failed).await
        }
        outcome => Ok(outcome),
    }
}

async fn send_or_fail(tx: &mut Tx<'_>, known: &Known, task: &Locked) -> Result<Outcome> {
    let failure = match sendable(known, task)? {
        Some(rules) if send_again(tx, task, rules, earlier_attempts(task)).await? => {
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
    let (task_id, name, code) = (task.id, &task.name, failure.as_str());
    tracing::error!(%task_id, task = name, error_code = code, "the message of a task was lost; the task has failed");
    task_operations::end(tx, task, Status::Failed, Some(failure)).await
}

/// Returns how this version runs the task, if it may have another attempt.
fn sendable<'k>(known: &'k Known, task: &Locked) -> Result<Option<&'k TaskRules>> {
    let Ok(rules) = known.find_task(&task.name) else { return Ok(None) };
    let next = task.attempt + 1 - earlier_attempts(task);
    let may = next <= rules.max_attempts && !task.set_aside && enqueue::fits(&task.args)?;
    Ok(may.then_some(rules))
}

/// Returns how many attempts do not count. A lost message costs no attempt if its attempt had not begun.
fn earlier_attempts(task: &Locked) -> i32 {
    task.earlier_attempts + i32::from(task.waits())
}

/// Writes the next attempt of a task and its message, in the task's own trace. The arguments must fit into it. Returns `false` when
/// another task of its name and key waits, which will do the work.
///
/// # Errors
/// `AlreadyExists` when that other task is written at this very moment.
pub(super) async fn send_again(
    tx: &mut Tx<'_>,
    task: &Locked,
    rules: &TaskRules,
    earlier_attempts: i32,
) -> Result<bool> {
    if !task_operations::next_attempt(&*tx, task, earlier_attempts).await? {
        return Ok(false);
    }
    let mut trace = Trace::current();
    trace.context = task.trace.or(trace.context);
    let (id, message) = enqueue::retry(&task.name, task.args.clone(), task.id, task.attempt + 1, trace);
    tx.enqueue(rules.queue, id, &message, Duration::ZERO)?;
    Ok(true)
}
