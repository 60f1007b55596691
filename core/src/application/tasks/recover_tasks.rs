//! Finds tasks whose message was lost, once a day: a queue drops what nobody took in its retention time.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, Job, Task, enqueue};
use crate::{
    application::handlers::Handlers,
    domain::{
        Result,
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
}

impl Task for RecoverTasks {
    const NAME: &'static str = "recover_tasks";

    async fn run(self, job: &mut Job<'_>) -> Result<Value> {
        let (handlers, kept) = (job.handlers(), job.outside().queue_retention);
        let tx = job.tx().await?;
        let late = task_operations::lock_late(tx, kept + MARGIN, DEAD_LETTERS_KEPT, PAGE).await?;
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
                None if recover(tx, handlers, task).await? => recovered.sent_again += 1,
                None => recovered.failed += 1,
            }
        }
        if late.len() as i64 == PAGE {
            Enqueue::new(&self)?.unique("rest").write(tx).await?;
        }
        if !late.is_empty() {
            let Recovered { sent_again, failed, still_waiting } = recovered;
            tracing::warn!(sent_again, failed, still_waiting, "tasks waited longer than their message lives");
        }
        Ok(json!(recovered))
    }
}

fn message_id(task: &Locked) -> Uuid {
    enqueue::message_id(task.id, task.attempt)
}

/// Sends a task again, or ends it. Returns whether it was sent.
async fn recover(tx: &mut Tx<'_>, handlers: &Handlers, task: &Locked) -> Result<bool> {
    let (task_id, name) = (task.id, &task.name);
    let attempts = task.attempt - task.earlier_attempts;
    let may_go_on = handlers.find_task(name).is_ok_and(|entry| attempts < entry.max_attempts)
        && !task.set_aside
        && enqueue::fits(&task.args)?;
    if may_go_on && !task.has_twin {
        tracing::warn!(%task_id, task = name, "the message of a task was lost: it is sent again");
        send_again(tx, task, false).await?;
        return Ok(true);
    }
    let failure = if task.has_twin { Failure::Superseded } else { Failure::MessageLost };
    tracing::error!(%task_id, task = name, code = failure.code(), "the message of a task was lost: it failed");
    task_operations::end(tx, task_id, Status::Failed, Some(failure)).await?;
    Ok(false)
}

/// Writes the next attempt of a task and its message. The arguments must fit into it.
pub(super) async fn send_again(tx: &mut Tx<'_>, task: &Locked, forget_attempts: bool) -> Result<()> {
    task_operations::next_attempt(tx, task, forget_attempts).await?;
    let (id, message) = enqueue::retry(&task.name, task.args.clone(), task.id, task.attempt + 1);
    tx.enqueue(task.queue, id, &message, Duration::ZERO)
}
