//! Events that go to Kafka: sends them from the outbox. Nobody else does, so that it asks again each
//! second, for the minute until its schedule calls it again.

use std::time::Instant;

use app_core::{
    App, Result,
    application::outbox,
    config::EventsBus,
    interfaces::relay::{RelayResponse, until},
};
use serde::de::IgnoredAny;

/// The event is the schedule's, and says nothing we need.
pub async fn handler(app: App, _: IgnoredAny, deadline: Instant) -> Result<RelayResponse> {
    let db = app.db()?;
    let queues = outbox::queues_of(EventsBus::Kafka, db);
    outbox::keep_relaying(db, app.kafka()?, queues, until(deadline)).await.map(RelayResponse::of)
}
