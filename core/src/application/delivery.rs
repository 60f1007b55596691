//! Sends messages from the outbox to the queues. The function that wrote a message sends it right after its
//! commit. The relay sends the rest.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    config::EventsBus,
    domain::{Error, Result},
    infrastructure::{
        db::Db,
        messaging::{Bus, Outgoing, Queue, Sent, outbox},
    },
    telemetry::{Kind, Span},
};

/// How long a relay that keeps running waits before it claims again.
const PAUSE: Duration = Duration::from_secs(1);
/// The same after a failure. It is longer, because each failed try writes a log line.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// One call to a queue carries this many.
const CALL: usize = 10;

/// What a caller's answer may wait for its messages to leave.
const PUBLISH_BUDGET: Duration = Duration::from_millis(250);

/// Sends what a transaction has just committed. Never fails: the business is done, and what does
/// not get through now is found by the relay.
pub async fn publish(db: &Db, bus: &dyn Bus, outgoing: Vec<Outgoing>) {
    let count = outgoing.len();
    if count == 0 {
        return;
    }
    let span = Span::begin(Kind::Producer, "publish").number("messages", count as i64);
    let work = async {
        for mut round in rounds(outgoing) {
            let mut complete = true;
            for queue in Queue::ALL {
                let own: Vec<Outgoing> = round.extract_if(.., |m| m.queue == queue).collect();
                complete &= send_own(db, bus, queue, &own).await;
            }
            if !complete {
                // Nothing of a group may overtake what has not left.
                return;
            }
        }
    };
    let published = tokio::time::timeout(PUBLISH_BUDGET, work).await;
    span.end(&published);
    if published.is_err() {
        tracing::warn!(messages = count, "publishing took too long; the relay sends the rest");
    }
}

/// Whether all of them have left. One queue's failure is not the other's.
async fn send_own(db: &Db, bus: &dyn Bus, queue: Queue, own: &[Outgoing]) -> bool {
    // What one call has sent is marked before the next: if time runs out, it is not sent again.
    for call in own.chunks(CALL) {
        let sent = async {
            let sent = send_call(bus, queue, call).await?;
            outbox::mark_published(&db.conn().await?, call, &sent.accepted).await?;
            Ok::<_, Error>(sent)
        };
        match sent.await {
            Ok(sent) if sent.accepted.len() == call.len() => {}
            Ok(sent) => {
                tracing::warn!(queue = queue.as_str(), refused = ?sent.refused, "the queue did not accept all messages; the relay sends the rest");
                return false;
            }
            Err(error) => {
                tracing::warn!(
                    queue = queue.as_str(),
                    messages = own.len(),
                    error = error.chain(),
                    "the messages were not sent; the relay sends them"
                );
                return false;
            }
        }
    }
    true
}

/// One call to a queue.
async fn send_call(bus: &dyn Bus, queue: Queue, messages: &[Outgoing]) -> Result<Sent> {
    let span = Span::call(|| format!("send to {}", queue.as_str())).number("messages", messages.len() as i64);
    let sent = bus.send(queue, messages).await;
    span.end(&sent);
    sent
}

/// Messages of one group go one after the other: the n-th of each group is in round n. Nearly
/// always there is one round.
fn rounds(outgoing: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut rounds: Vec<Vec<Outgoing>> = Vec::new();
    for message in outgoing {
        let holds_up = |round: &Vec<Outgoing>| {
            message.group.is_some() && round.iter().any(|earlier| earlier.group == message.group)
        };
        let round = rounds.iter().rposition(holds_up).map_or(0, |last| last + 1);
        if round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[round].push(message);
    }
    rounds
}

/// What a relay run came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Relayed {
    pub sent: usize,
    pub failed: usize,
    /// Refused so often that they now wait for a person.
    pub parked: usize,
    /// For how long the oldest message that should have left is still waiting after this run.
    pub lag: Duration,
}

/// What a relay of this bus sends. Each message belongs to exactly one of them.
pub fn queues_of(bus: EventsBus, db: &Db) -> Vec<Queue> {
    let bus_of = |queue: &Queue| if queue.carries_tasks() { EventsBus::Sqs } else { db.outbox().events };
    Queue::ALL.into_iter().filter(|queue| bus_of(queue) == bus).collect()
}

/// Sends the messages that are due or become due, until `until`.
///
/// # Errors
/// As [`relay`], if it ends with one. A database that is back before the end is no error.
pub async fn keep_relaying(db: &Db, bus: &dyn Bus, queues: &[Queue], until: Instant) -> Result<Relayed> {
    let mut total = Relayed::default();
    loop {
        let failed_before = total.failed;
        let round = drain(db, bus, queues, until, &mut total).await;
        let well = round.is_ok() && total.failed == failed_before;
        let next = Instant::now() + if well { PAUSE } else { PAUSE_AFTER_FAILURE };
        match round {
            Err(error) if error.retryable() && next < until => {
                tracing::warn!(error = error.chain(), "the outbox could not be read; trying again");
            }
            Ok(()) => {}
            Err(error) => return ended(db, Err(error), total).await,
        }
        if next >= until {
            return ended(db, Ok(()), total).await;
        }
        tokio::time::sleep_until(next).await;
    }
}

/// Sends the messages that are due, until none is left or until `until`.
///
/// # Errors
/// `Unavailable` when the database is. A queue that is down is not an error: its messages are
/// tried again later, each time a little later.
pub async fn relay(db: &Db, bus: &dyn Bus, queues: &[Queue], until: Instant) -> Result<Relayed> {
    let mut total = Relayed::default();
    let drained = drain(db, bus, queues, until, &mut total).await;
    ended(db, drained, total).await
}

/// Adds the lag to what a run came to. Before the first migration nothing can wait, so a run that fails then is no
/// failure, and no alarm rings.
async fn ended(db: &Db, drained: Result<()>, mut total: Relayed) -> Result<Relayed> {
    match drained {
        Ok(()) => total.lag = outbox::lag(&db.conn().await?).await?,
        Err(_) if is_before_the_first_migration(db).await => {
            tracing::warn!("the database has no outbox; run `cargo xtask migrate up`");
        }
        Err(error) => return Err(error),
    }
    Ok(total)
}

/// An error here changes nothing: the first one is reported.
async fn is_before_the_first_migration(db: &Db) -> bool {
    let is_missing = async { outbox::is_missing(&db.conn().await?).await };
    is_missing.await.unwrap_or(false)
}

/// What was sent before an error counts in `total`, too.
async fn drain(db: &Db, bus: &dyn Bus, queues: &[Queue], until: Instant, total: &mut Relayed) -> Result<()> {
    let (relay, lease) = (Uuid::new_v4(), db.outbox().relay_lease);
    let mut open = queues.to_vec();
    while !open.is_empty() {
        // In turn, so that many messages of one queue do not delay the other's.
        for queue in std::mem::take(&mut open) {
            if Instant::now() >= until {
                return Ok(());
            }
            let claimed = outbox::claim(&db.conn().await?, relay, queue, lease).await?;
            // A queue that does not answer is asked again by the next run. To ask for each of a hundred
            // thousand messages would only fill the log.
            let goes_on = if claimed.messages.is_empty() {
                claimed.held > 0
            } else {
                send(db, bus, relay, queue, &claimed.messages, total).await?
            };
            if goes_on {
                open.push(queue);
            }
        }
    }
    Ok(())
}

/// Returns whether the queue answered.
async fn send(
    db: &Db,
    bus: &dyn Bus,
    relay: Uuid,
    queue: Queue,
    batch: &[Outgoing],
    total: &mut Relayed,
) -> Result<bool> {
    let sent = send_call(bus, queue, batch).await;
    let conn = db.conn().await?;
    let (sent, why) = match sent {
        Ok(sent) => (sent, "no response from the queue".to_owned()),
        Err(error) => {
            let (why, ids): (_, Vec<Uuid>) = (error.chain(), batch.iter().map(|m| m.id).collect());
            tracing::warn!(
                queue = queue.as_str(),
                messages = ids.len(),
                error = why,
                "the queue does not respond; its messages wait"
            );
            outbox::release(&conn, relay, &ids, &why).await?;
            total.failed += ids.len();
            return Ok(false);
        }
    };
    if !sent.accepted.is_empty() {
        outbox::mark_published(&conn, batch, &sent.accepted).await?;
    }
    total.sent += sent.accepted.len();
    for (id, code) in &sent.refused {
        let parked = outbox::refuse(&conn, relay, *id, code).await?;
        total.failed += 1;
        total.parked += usize::from(parked);
        if parked {
            tracing::error!(queue = queue.as_str(), outbox_id = %id, error_code = code, "the message is parked because the queue refused it; see `cargo xtask outbox status`");
        } else {
            tracing::warn!(queue = queue.as_str(), outbox_id = %id, error_code = code, "the queue refused a message; it will be sent again");
        }
    }
    let answered =
        |id: &Uuid| sent.accepted.contains(id) || sent.refused.iter().any(|(other, _)| other == id);
    let unknown: Vec<Uuid> = batch.iter().map(|m| m.id).filter(|id| !answered(id)).collect();
    if !unknown.is_empty() {
        outbox::release(&conn, relay, &unknown, &why).await?;
        total.failed += unknown.len();
    }
    Ok(true)
}
