//! Sends the events that go to Kafka from the outbox. No other function does, so it checks the outbox each
//! second until its schedule invokes it again after a minute.

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
    let queues = delivery::queues_of(EventsBus::Kafka, db);
    delivery::keep_relaying(db, app.kafka()?, &queues, until(deadline)).await.map(RelayResponse::of)
}
