//! Time as a parameter: tokens and sessions use this clock, so that a test can move it.
//! Leases and delays use the database's own clock instead, which all instances share.

use time::OffsetDateTime;

pub trait Clock: Send + Sync {
    /// The present moment in UTC.
    fn now(&self) -> OffsetDateTime;
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}
