//! Takes in event messages, and sends one that is made up as it goes.

use serde_json::Value;
use uuid::Uuid;

pub use super::arrived::Delivery;
use super::registry::{EventEntry, Received, Registry};
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::{Conn, Db},
        messaging::{
            Outgoing,
            envelope::{self, EventMessage, ReceivedEvent},
            inbox, outbox,
        },
        tx::Tx,
    },
};

/// Sends an event whose name and data are known only now, once the caller's transaction commits.
/// Returns its id.
///
/// # Errors
/// `Validation` for an event that nobody handles, for data that its handlers cannot read, and for
/// data that makes the message larger than 100 KiB.
pub fn send(tx: &mut Tx<'_>, registry: &Registry, event: &str, data: Value) -> Result<Uuid> {
    let (version, group) = registry.check(event, &data)?;
    let message = EventMessage::named(event, version, data)?;
    // Before the outbox refuses it, where it would be our fault.
    if message.to_json()?.len() > outbox::MAX_BODY_BYTES {
        return Err(Error::invalid("data", "too_long"));
    }
    tx.send_event(&message, group)?;
    Ok(message.id)
}

/// The events of one name.
struct EventBatch<'a> {
    name: String,
    handlers: &'a [EventEntry],
    events: Vec<Received<Value>>,
}

/// What came of events: some handlers may be done with them while another failed.
#[derive(Debug, Default)]
pub struct Handled {
    /// Committed, and to be sent.
    pub outgoing: Vec<Outgoing>,
    /// The first failure. `Malformed` for a message that nobody can handle; any other error means
    /// that the messages should come again.
    pub error: Option<Error>,
}

/// Calls all handlers of the events, also if one of them fails. Each handler has one transaction for all of
/// its events, so ten events cost as many round trips as one.
///
/// Handling a message twice has no effect, alone or in any batch.
pub async fn handle_messages(db: &Db, registry: &Registry, deliveries: &[Delivery<'_>]) -> Handled {
    let mut handled = Handled::default();
    if let Err(error) = try_all(db, registry, deliveries, &mut handled).await {
        handled.error = Some(error);
    }
    handled
}

async fn try_all(
    db: &Db,
    registry: &Registry,
    deliveries: &[Delivery<'_>],
    handled: &mut Handled,
) -> Result<()> {
    let kinds = by_kind(registry, deliveries)?;
    let mut conn = db.conn().await?;
    for mut kind in kinds {
        for handler in kind.handlers {
            let spans: Vec<_> =
                kind.events.iter_mut().filter_map(|event| event.begin(handler.name)).collect();
            let outcome = handle(&mut conn, handler, &kind.events).await;
            spans.into_iter().rev().for_each(|span| span.end(&outcome));
            match outcome {
                Ok(outgoing) => handled.outgoing.extend(outgoing),
                Err(error) if handled.error.is_none() => handled.error = Some(error),
                Err(error) => tracing::warn!(
                    handler = handler.name,
                    error = error.chain(),
                    "another handler of these events failed too"
                ),
            }
        }
    }
    Ok(())
}

fn by_kind<'a>(registry: &'a Registry, deliveries: &[Delivery<'_>]) -> Result<Vec<EventBatch<'a>>> {
    let mut kinds: Vec<EventBatch<'_>> = Vec::new();
    for delivery in deliveries {
        let message: ReceivedEvent = envelope::parse(delivery.body)?;
        let id = message.event_id(delivery.message_id);
        let ReceivedEvent { event, data, v, trace, .. } = message;
        let received = Received::new(id, data, delivery.message_id, &trace);
        received.traced(|_| {
            tracing::info!(event, event_id = %id, caused_by = trace.request_id, "event received");
        });
        let handlers = registry.find_event(&event)?;
        if handlers.iter().any(|handler| v > handler.version) {
            return Err(Error::Malformed("the event's version is newer than its handlers support".into()));
        }
        match kinds.iter_mut().find(|kind| kind.name == event) {
            // One message may stand twice in a batch.
            Some(kind) if kind.events.iter().any(|other| other.id == id) => {}
            Some(kind) => kind.events.push(received),
            None => kinds.push(EventBatch { name: event, handlers, events: vec![received] }),
        }
    }
    Ok(kinds)
}

/// One transaction: the handler's effects, and the note that it is done with these events.
async fn handle(conn: &mut Conn, handler: &EventEntry, events: &[Received<Value>]) -> Result<Vec<Outgoing>> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let mut tx = conn.begin().await?;
    let new = inbox::remember(&tx, handler.name, &ids).await?;
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let events: Vec<_> = events.iter().filter(|event| new.contains(&event.id)).collect();
    (handler.handle)(&mut tx, &events).await?;
    tx.commit().await
}
