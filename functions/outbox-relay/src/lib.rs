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
}

/// The event is the schedule's, and says nothing we need.
pub async fn handler(app: App, _: IgnoredAny, deadline: Instant) -> Result<RelayResponse> {
    let until = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let relayed = outbox::relay(app.db()?, app.bus()?, until.into()).await?;
    tracing::info!(sent = relayed.sent, failed = relayed.failed, "relay done");
    Ok(RelayResponse { sent: relayed.sent, failed: relayed.failed })
}
