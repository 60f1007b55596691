//! Messages that operators delete. The audit log has each one, and the tasks that wait for them end.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    domain::{
        Result,
        audit::{Action, Entry},
        tasks::Status,
    },
    infrastructure::{
        db::Db,
        messaging::{
            Queue,
            envelope::{self, TaskMessage},
        },
        repository::{audit, outbox_operations, task_operations},
        tx::Tx,
    },
};

/// What became of parked messages that an operator named.
#[derive(Debug, Default, Serialize)]
pub struct Dropped {
    pub dropped: Vec<Uuid>,
    /// Messages that the relay still sends, or has sent.
    pub not_parked: Vec<Uuid>,
    pub unknown: Vec<Uuid>,
}

/// Deletes parked messages of the outbox, so that the messages behind them in their groups are sent.
pub async fn outbox(db: &Db, ids: &[Uuid]) -> Result<Dropped> {
    let mut conn = db.conn().await?;
    let mut tx = conn.begin().await?;
    let parked = outbox_operations::delete_parked(&tx, ids).await?;
    let left = outbox_operations::known_ids(&tx, ids).await?;
    for message in &parked {
        let name = envelope::name_of(&message.body);
        let details =
            json!({ "message": message.id, "queue": message.queue, "name": name.as_deref().map(short) });
        audit::record(&mut tx, &Entry::by_operator(Action::OutboxMessageDropped, None).with(details));
        if Queue::parse(&message.queue).is_some_and(Queue::carries_tasks) {
            // The outbox id stands for the queue's: such a message always names its task.
            cancel(&mut tx, &message.body, &message.id.to_string()).await?;
        }
    }
    tx.commit().await?;
    let dropped: Vec<Uuid> = parked.into_iter().map(|message| message.id).collect();
    let rest = ids.iter().copied().filter(|id| !dropped.contains(id));
    let (not_parked, unknown) = rest.partition(|id| left.contains(id));
    Ok(Dropped { dropped, not_parked, unknown })
}

/// Notes that a letter is about to be deleted from a dead-letter queue, and cancels its task. The caller
/// deletes it afterwards: a letter that is gone without a note would be worse than a note too many.
pub async fn dead_letter(db: &Db, queue: Queue, message_id: &str, body: &str) -> Result<()> {
    let mut conn = db.conn().await?;
    let mut tx = conn.begin().await?;
    let name = envelope::name_of(body);
    let details =
        json!({ "message": short(message_id), "queue": queue.as_str(), "name": name.as_deref().map(short) });
    audit::record(&mut tx, &Entry::by_operator(Action::DeadLetterDropped, None).with(details));
    if queue.carries_tasks() {
        cancel(&mut tx, body, message_id).await?;
    }
    tx.commit().await.map(drop)
}

/// Ends the task of a message, if this message is the one that it waits for.
async fn cancel(tx: &mut Tx<'_>, body: &str, message_id: &str) -> Result<()> {
    let Ok(message) = envelope::parse::<TaskMessage>(body) else { return Ok(()) };
    let Some(task) = task_operations::lock(&*tx, message.task_id(message_id)).await? else { return Ok(()) };
    let waits = matches!(task.status, Status::Queued | Status::Retrying | Status::Running);
    let is_its = task.name == message.task && task.attempt == message.attempt;
    if waits && is_its && task.busy_until.is_none() {
        task_operations::end(&*tx, &task, Status::Cancelled, None).await?;
        let details = json!({ "task": task.id, "name": task.name, "was": task.status.as_str() });
        audit::record(tx, &Entry::by_operator(Action::TaskCancelled, task.owner).with(details));
    }
    Ok(())
}

/// Foreign text, short enough for a log that keeps its rows.
fn short(text: &str) -> String {
    text.chars().take(200).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}
