//! Every minute: sends what the outbox still holds for SQS.

use std::time::{Duration, Instant};

use app_core::{App, Result, application::outbox, config::EventsBus};
use serde::{Serialize, de::IgnoredAny};

/// Left for what has been claimed when time runs out.
const RESERVE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
pub struct RelayResponse {
    sent: usize,
    failed: usize,
    /// Refused so often that they now wait for a person.
    parked: usize,
    /// For how long the oldest message that should have left is still waiting after this run.
    lag_seconds: u64,
}

/// The event is the schedule's, and says nothing we need.
pub async fn handler(app: App, _: IgnoredAny, deadline: Instant) -> Result<RelayResponse> {
    let db = app.db()?;
    let queues = outbox::queues_of(EventsBus::Sqs, db);
    outbox::relay(db, app.bus()?, queues, until(deadline)).await.map(RelayResponse::of)
}

/// When the last message is claimed.
pub fn until(deadline: Instant) -> tokio::time::Instant {
    deadline.checked_sub(RESERVE).unwrap_or(deadline).into()
}

impl RelayResponse {
    /// The answer and the log line, which an alarm reads.
    pub fn of(relayed: outbox::Relayed) -> Self {
        let outbox::Relayed { sent, failed, parked, lag } = relayed;
        let lag_seconds = lag.as_secs();
        tracing::info!(sent, failed, parked, lag_seconds, "relay done");
        Self { sent, failed, parked, lag_seconds }
    }
}
