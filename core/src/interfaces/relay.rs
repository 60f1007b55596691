//! What the relays of the outbox share: when they stop, and what they say of a run.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::application::outbox;

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

/// Returns when the last message may be claimed.
pub fn until(deadline: Instant) -> tokio::time::Instant {
    deadline.checked_sub(RESERVE).unwrap_or(deadline).into()
}

impl RelayResponse {
    /// Makes the response and writes the log line, which an alarm reads.
    pub fn of(relayed: outbox::Relayed) -> Self {
        let outbox::Relayed { sent, failed, parked, lag } = relayed;
        let lag_seconds = lag.as_secs();
        tracing::info!(sent, failed, parked, lag_seconds, "relay done");
        Self { sent, failed, parked, lag_seconds }
    }
}
