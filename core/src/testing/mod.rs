//! Helpers for tests: a schema of one's own, an app on it, sample events, a clock that moves.
//! Behind the feature `testing`, only ever a dev-dependency.

mod app;
mod clock;
mod database;
mod events;

pub use app::TestApp;
pub use clock::ManualClock;
pub use database::TestDatabase;
pub use events::{Event, event};
