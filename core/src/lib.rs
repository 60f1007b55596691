//! The core that all functions share, in six layers. Each layer uses only the layers after it:
//!
//! [`interfaces`] (HTTP, queues) → [`app`] (composition) → [`application`] (use cases) → [`infrastructure`]
//! (Postgres, SQS, tokens) → [`config`] (settings) → [`domain`] (values, entities, events).
//!
//! [`telemetry`] writes the logs for all of them. Start reading at the `lib.rs` of a function, for example
//! `functions/auth-sign-up`, and follow its calls inwards. `tests/house/layers.rs` fails if a layer uses one
//! above it, and `tests/house/circles.rs` fails if files use each other in a circle.

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
