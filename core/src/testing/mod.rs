//! Helpers for tests: a schema for each test, an app on it, sample events, a clock that moves.
//! Behind the feature `testing`, which only tests and their library enable.

mod app;
mod aws;
mod clock;
mod database;
mod events;

pub use app::{TestApp, app_without_database};
pub use aws::aws;
pub use clock::ManualClock;
pub use database::{Patience, TestDatabase, migrated};
pub use events::{Event, INVOCATION, event};

/// A setting that a developer may give, such as how much a test tries.
#[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
pub fn wish(key: &str) -> Option<String> {
    std::env::var(key).ok()
}

/// Settings of a real function that many requests of one test may reach: only LOCAL has no limits by default.
pub fn relaxed_limits() -> impl Iterator<Item = (&'static str, String)> {
    crate::config::LIMIT_SETTINGS.into_iter().map(|setting| (setting, "1000000/1".to_owned()))
}

/// A setting that `cargo xtask test` exports: `DATABASE_URL`, `API_URL`, `BIN_DIR` and others.
#[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
pub fn setting(key: &str) -> String {
    std::env::var(key).unwrap_or_else(|_| {
        panic!("{key} is not set: run the tests with `cargo xtask test`, which starts what they need")
    })
}
