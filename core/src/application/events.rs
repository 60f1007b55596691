//! Takes in one event message.

use uuid::Uuid;

use super::handlers::Handlers;
use crate::{
    domain::Result,
    infrastructure::{
        db::Db,
        messaging::{
            Outgoing,
            envelope::{self, ReceivedEvent},
        },
    },
};

/// Calls the event's handlers in one transaction and returns what they want sent. `message_id`
/// stands in for the id of an event that has none.
///
/// # Errors
/// `Malformed` for a message that nobody can handle; any other error means that the message
/// should come again.
pub async fn handle_message(
    db: &Db,
    handlers: &Handlers,
    body: &str,
    message_id: &str,
) -> Result<Vec<Outgoing>> {
    let message: ReceivedEvent = envelope::parse(body)?;
    let id_text = message.id.as_deref().unwrap_or(message_id);
    // Somebody else's ids need not be uuids; what counts is that a repetition has the same.
    let id =
        Uuid::parse_str(id_text).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, id_text.as_bytes()));
    tracing::info!(event = message.event, event_id = %id, caused_by = message.trace.request_id, "event received");

    let mut conn = db.conn().await?;
    let mut tx = conn.begin().await?;
    handlers.handle(&mut tx, &message.event, id, &message.data).await?;
    tx.commit().await
}
