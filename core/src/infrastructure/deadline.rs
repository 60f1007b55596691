//! A moment from now, by two clocks, for what is remembered between requests.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::domain::clock::Clock;

/// Reached when either clock says so. An instance may be frozen for an hour, and its monotonic clock
/// with it; the other clock may be set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    monotonic: Instant,
    wall: OffsetDateTime,
}

impl Deadline {
    pub(super) fn after(time: Duration, clock: &dyn Clock) -> Self {
        Self { monotonic: Instant::now() + time, wall: clock.now() + time }
    }

    /// Zero once it is reached.
    pub(super) fn left(self, clock: &dyn Clock) -> Duration {
        let wall = Duration::try_from(self.wall - clock.now()).unwrap_or_default();
        self.monotonic.saturating_duration_since(Instant::now()).min(wall)
    }

    pub(super) fn is_reached(self, clock: &dyn Clock) -> bool {
        self.left(clock).is_zero()
    }
}
