//! From the outbox to the queues: at once by whoever wrote it, or later by the relay.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    domain::Result,
    infrastructure::{
        db::Db,
        messaging::{Bus, Outgoing, Queue, outbox},
    },
};

/// What a caller's answer may wait for its messages to one queue to leave.
const PUBLISH_BUDGET: Duration = Duration::from_millis(250);

/// Sends what a transaction has just committed. Never fails: the business is done, and what does
/// not get through now is found by the relay.
pub async fn publish(db: &Db, bus: &dyn Bus, outgoing: &[Outgoing]) {
    for queue in [Queue::Events, Queue::Tasks] {
        let own: Vec<Outgoing> = outgoing.iter().filter(|m| m.queue == queue).cloned().collect();
        if own.is_empty() {
            continue;
        }
        let attempt = async {
            let accepted = bus.send(queue, &own).await?;
            outbox::mark_published(&db.conn().await?, &accepted).await
        };
        match tokio::time::timeout(PUBLISH_BUDGET, attempt).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(messages = own.len(), error = error.chain(), "left to the relay")
            }
            Err(_) => tracing::warn!(messages = own.len(), "publishing took too long, left to the relay"),
        }
    }
}

/// What a relay run came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Relayed {
    pub sent: usize,
    pub failed: usize,
}

/// Sends what is due until nothing is left or `until` has come.
///
/// # Errors
/// `Unavailable` when the database is. A queue that is down is not an error: its messages are
/// tried again later, each time a little later.
pub async fn relay(db: &Db, bus: &dyn Bus, until: Instant) -> Result<Relayed> {
    let relay = Uuid::new_v4();
    let mut total = Relayed::default();
    while Instant::now() < until {
        let claimed = outbox::claim(&db.conn().await?, relay).await?;
        if claimed.is_empty() {
            break;
        }
        for queue in [Queue::Events, Queue::Tasks] {
            let batch: Vec<Outgoing> = claimed.iter().filter(|m| m.queue == queue).cloned().collect();
            if !batch.is_empty() {
                let done = send(db, bus, relay, queue, &batch).await?;
                total.sent += done.sent;
                total.failed += done.failed;
            }
        }
    }
    Ok(total)
}

async fn send(db: &Db, bus: &dyn Bus, relay: Uuid, queue: Queue, batch: &[Outgoing]) -> Result<Relayed> {
    let (accepted, why) = match bus.send(queue, batch).await {
        Ok(accepted) => (accepted, "refused by the queue".to_owned()),
        Err(error) => (Vec::new(), error.chain()),
    };
    let left: Vec<Uuid> = batch.iter().map(|m| m.id).filter(|id| !accepted.contains(id)).collect();
    let conn = db.conn().await?;
    if !accepted.is_empty() {
        outbox::mark_published(&conn, &accepted).await?;
    }
    if !left.is_empty() {
        tracing::warn!(queue = queue.as_str(), messages = left.len(), why, "not sent, will be tried again");
        outbox::release(&conn, relay, &left, &why).await?;
    }
    Ok(Relayed { sent: accepted.len(), failed: left.len() })
}
