//! Takes in event messages, and sends one that is made up as it goes.

use serde_json::Value;
use uuid::Uuid;

use super::handlers::{EventEntry, Handlers};
use crate::{
    domain::Result,
    infrastructure::{
        db::{Conn, Db},
        messaging::{
            Outgoing,
            envelope::{self, EventMessage, ReceivedEvent},
            inbox,
        },
    },
};

/// A message as its queue hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    pub body: &'a str,
    /// The queue's own id: it stands in for the id of a message that has none.
    pub message_id: &'a str,
}

/// Sends an event whose name and data are known only now. Returns its id and what is to be sent.
///
/// # Errors
/// `Validation` for an event that nobody handles, or data that its handlers cannot read.
pub async fn send(db: &Db, handlers: &Handlers, event: &str, data: Value) -> Result<(Uuid, Vec<Outgoing>)> {
    handlers.check(event, &data)?;
    let message = EventMessage::named(event, 1, data)?;
    let mut conn = db.conn().await?;
    let mut tx = conn.begin().await?;
    tx.send_event(&message, None)?;
    Ok((message.id, tx.commit().await?))
}

/// The events of one name.
struct Kind<'a> {
    name: String,
    handlers: &'a [EventEntry],
    events: Vec<(Uuid, Value)>,
}

/// Calls the events' handlers and returns what they want sent. Each handler has one transaction
/// for all events of its kind, so ten events cost as many round trips as one.
///
/// # Errors
/// `Malformed` for a message that nobody can handle; any other error means that the messages
/// should come again. Of several messages some may be done by then: handed in again, alone or
/// together, they change nothing.
pub async fn handle_messages(
    db: &Db,
    handlers: &Handlers,
    deliveries: &[Delivery<'_>],
) -> Result<Vec<Outgoing>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for delivery in deliveries {
        let message: ReceivedEvent = envelope::parse(delivery.body)?;
        let id = message.event_id(delivery.message_id);
        tracing::info!(event = message.event, event_id = %id, caused_by = message.trace.request_id, "event received");
        match kinds.iter_mut().find(|kind| kind.name == message.event) {
            // One message may stand twice in a batch.
            Some(kind) if kind.events.iter().any(|(other, _)| *other == id) => {}
            Some(kind) => kind.events.push((id, message.data)),
            None => {
                let handlers = handlers.find_event(&message.event)?;
                kinds.push(Kind { name: message.event, handlers, events: vec![(id, message.data)] });
            }
        }
    }
    let mut conn = db.conn().await?;
    let mut outgoing = Vec::new();
    for kind in kinds {
        for handler in kind.handlers {
            outgoing.extend(handle(&mut conn, handler, &kind.events).await?);
        }
    }
    Ok(outgoing)
}

/// One transaction: the handler's effects, and the note that it is done with these events.
async fn handle(conn: &mut Conn, handler: &EventEntry, events: &[(Uuid, Value)]) -> Result<Vec<Outgoing>> {
    let ids: Vec<Uuid> = events.iter().map(|(id, _)| *id).collect();
    let mut tx = conn.begin().await?;
    let new = inbox::remember(&tx, handler.name, &ids).await?;
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let events = events.iter().filter(|(id, _)| new.contains(id)).cloned().collect();
    (handler.handle)(&mut tx, events).await?;
    tx.commit().await
}
