//! Every minute: sends what the outbox still holds for SQS.

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
    let queues = outbox::queues_of(EventsBus::Sqs, db);
    outbox::relay(db, app.bus()?, queues, until(deadline)).await.map(RelayResponse::of)
}
