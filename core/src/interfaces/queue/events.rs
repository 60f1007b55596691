//! What a consumer of events does with its records, whichever way they came.

use std::time::Instant;

use super::{Record, Source};
use crate::{
    app::App,
    application::events,
    domain::Result,
    infrastructure::messaging::{Outgoing, Queue},
};

pub const SOURCE: Source = Source { queue: Queue::Events, together: true };

/// Hands each event to its handlers (`application/handlers.rs` is the table).
pub async fn handler(app: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
    let deliveries: Vec<_> = records.iter().map(Record::delivery).collect();
    let handled = events::handle_messages(app.db()?, app.handlers(), &deliveries).await;
    let Some(error) = handled.error else { return Ok(handled.outgoing) };
    app.publish(handled.outgoing).await;
    Err(error)
}
