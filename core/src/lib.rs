//! The core that all functions share, in four layers that look in one direction only:
//!
//! `interfaces` (HTTP, queues) → `application` (use cases) → `infrastructure` (Postgres, SQS,
//! tokens) → `domain` (values, entities, events), which knows nobody.
//!
//! Beside them: [`app`], which puts the parts together, [`config`], which reads the settings, and
//! [`telemetry`], which writes the logs. Start reading at a function's `lib.rs`, for instance
//! `functions/auth-sign-up`, and follow its calls inwards. `tests/house/layers.rs` fails when a
//! layer looks the wrong way.

pub mod app;
pub mod application;
pub mod config;
pub mod domain;
pub mod infrastructure;
pub mod interfaces;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use app::{App, Need};
pub use domain::{Error, Result};
