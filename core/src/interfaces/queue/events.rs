//! The handler of all functions that consume events, from SQS or from Kafka.

use std::time::Instant;

use futures_util::{FutureExt, future::BoxFuture};

use super::{Record, Source};
use crate::{
    app::App,
    application::events,
    domain::Result,
    infrastructure::messaging::{Outgoing, Queue},
};

pub const SOURCE: Source = Source { queue: Queue::Events, together: true };

/// Passes each event to its event handlers, which the registry in `application/handlers/mod.rs` lists.
///
/// Boxed here, so that the function itself compiles none of it (docs/decisions/0135).
pub fn handler(app: App, records: Vec<Record>, _: Instant) -> BoxFuture<'static, Result<Vec<Outgoing>>> {
    handle(app, records).boxed()
}

async fn handle(app: App, records: Vec<Record>) -> Result<Vec<Outgoing>> {
    let deliveries: Vec<_> = records.iter().map(Record::delivery).collect();
    let handled = events::handle_messages(app.db()?, app.event_handlers(), &deliveries).await;
    let Some(error) = handled.error else { return Ok(handled.outgoing) };
    app.publish(handled.outgoing).await;
    Err(error)
}
