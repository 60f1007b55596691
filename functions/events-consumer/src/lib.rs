//! Events queue: hands each event to its handlers (`application/handlers.rs` is the table).

use std::time::Instant;

use app_core::{
    App, Result,
    application::events,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{Record, Source},
};

pub const SOURCE: Source = Source { queue: Queue::Events, together: true };

pub async fn handler(app: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
    let deliveries: Vec<_> = records.iter().map(Record::delivery).collect();
    let handled = events::handle_messages(app.db()?, app.handlers(), &deliveries).await;
    let Some(error) = handled.error else { return Ok(handled.outgoing) };
    app.publish(handled.outgoing).await;
    Err(error)
}
