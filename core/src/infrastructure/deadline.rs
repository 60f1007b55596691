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

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A wall clock that only a test moves, while `tokio::time` moves the other one.
    pub(in super::super) struct Wall(Mutex<OffsetDateTime>);

    impl Default for Wall {
        fn default() -> Self {
            Self(Mutex::new(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)))
        }
    }

    impl Wall {
        pub(in super::super) fn advance(&self, by: time::Duration) {
            *self.0.lock().expect("no panic") += by;
        }
    }

    impl Clock for Wall {
        fn now(&self) -> OffsetDateTime {
            *self.0.lock().expect("no panic")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_reached_when_either_clock_says_so() {
        let wall = Wall::default();
        let (one, other) =
            (Deadline::after(Duration::from_secs(9), &wall), Deadline::after(Duration::from_secs(4), &wall));
        assert_eq!((one.left(&wall), other.is_reached(&wall)), (Duration::from_secs(9), false));
        wall.advance(time::Duration::seconds(5));
        assert_eq!((one.left(&wall), other.is_reached(&wall)), (Duration::from_secs(4), true));
        wall.advance(time::Duration::hours(-1));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(one.is_reached(&wall));
    }
}
