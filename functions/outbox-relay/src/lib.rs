//! Every minute: sends what the outbox still holds.

use std::time::{Duration, Instant};

use app_core::{App, Result, application::outbox};
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
    let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let relayed = outbox::relay(app.db()?, app.bus()?, until.into()).await?;
    let outbox::Relayed { sent, failed, parked, lag } = relayed;
    let lag_seconds = lag.as_secs();
    tracing::info!(sent, failed, parked, lag_seconds, "relay done");
    Ok(RelayResponse { sent, failed, parked, lag_seconds })
}
