//! A command of operators that looks at all users, in as many calls as it takes.

use std::time::{Duration, Instant};

/// Rows that one statement reads.
pub(super) const BATCH: i64 = 1_000;
/// A report names about this many users. One row can add two.
const MOST_NAMED: usize = 1_000;
/// Left for the response, and for the last statement, when the work stops at the deadline.
const RESERVE: Duration = Duration::from_secs(5);

/// Where one call ends. Ask after each row, not after each batch: a call that Lambda cuts off would lose the
/// report.
pub(super) struct End(Instant);

impl End {
    pub(super) fn before(deadline: Instant) -> Self {
        Self(deadline.checked_sub(RESERVE).unwrap_or(deadline))
    }

    /// Whether this call has named enough users, or has no time left.
    pub(super) fn is_reached(&self, named: usize) -> bool {
        Instant::now() >= self.0 || named >= MOST_NAMED
    }
}
