//! How much is swept. The whole of it, 20 runs with 100 events a point, takes hours:
//!
//! ```sh
//! CRASH_RUNS=20 CRASH_EVENTS=100 cargo xtask test -- -p app-tests --test crash
//! ```

use std::io::Write as _;

/// Without these settings a few events a point, so that every point is still met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Volume {
    pub(crate) runs: usize,
    /// For each point of each run.
    pub(crate) events: usize,
}

impl Volume {
    pub(crate) fn chosen() -> Self {
        Self { runs: number("CRASH_RUNS", 1), events: number("CRASH_EVENTS", 4) }
    }

    /// How many messages a function gets at once: a batch is lost as a whole.
    pub(crate) fn batch(self) -> usize {
        if self.events < 10 { 3 } else { 10 }
    }

    pub(crate) fn batches(self) -> usize {
        self.events.div_ceil(self.batch())
    }

    /// Says how far a long run is, past the test harness, which would keep it until the end.
    pub(crate) fn progress(self, text: &str) {
        if self.runs * self.events > 20 {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own configuration")]
fn number(key: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(key) else { return default };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.unwrap_or_else(|| panic!("{key} must be a number of at least 1, not `{text}`"))
}
