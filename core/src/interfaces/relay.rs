//! The parts that both relays of the outbox share: when they stop, and what they report.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{application::delivery, telemetry::Metric};

/// Reserved for the messages that are claimed when time runs out.
const RESERVE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
pub struct RelayResponse {
    sent: usize,
    failed: usize,
    /// Parked: refused so often that they now wait for an operator.
    parked: usize,
    /// How long the oldest message that should have been sent has been waiting after this run.
    lag_seconds: u64,
}

/// Returns the time until which messages may be claimed.
pub fn until(deadline: Instant) -> tokio::time::Instant {
    deadline.checked_sub(RESERVE).unwrap_or(deadline).into()
}

impl RelayResponse {
    /// Creates the response and writes the log line that an alarm reads.
    pub fn of(relayed: delivery::Relayed) -> Self {
        let delivery::Relayed { sent, failed, parked, lag } = relayed;
        let lag_seconds = lag.as_secs();
        Metric::OUTBOX_LAG.note("reported", lag_seconds);
        tracing::info!(sent, failed, parked, lag_seconds, "the relay has finished");
        Self { sent, failed, parked, lag_seconds }
    }
}
