//! Runs every minute: sends the messages for SQS that are still in the outbox.

use std::time::Instant;

use app_core::{
    App, Result,
    application::delivery,
    config::EventsBus,
    interfaces::relay::{RelayResponse, until},
};
use serde::de::IgnoredAny;

/// Relays messages. The event comes from the schedule and is ignored.
pub async fn handler(app: App, _: IgnoredAny, deadline: Instant) -> Result<RelayResponse> {
    let db = app.db()?;
    let queues = delivery::queues_of(EventsBus::Sqs, db);
    delivery::relay(db, app.bus()?, &queues, until(deadline)).await.map(RelayResponse::of)
}
