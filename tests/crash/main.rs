//! The crash sweep: the real functions, killed at every step they take on the wire.
//!
//! `points.rs` is the list of steps. A function that takes one that is not in it fails its test,
//! as does a step in it that no function takes. `volume.rs` says how to run the sweep in full.

mod challenges;
mod changes;
mod consumer;
mod deletion;
mod erase;
mod firings;
mod named_points;
mod phone;
mod points;
mod reauthenticate;
mod refusals;
mod relay;
mod relay_kafka;
mod retry;
mod send_message;
mod sign_up;
mod sweep;
mod traps;
mod volume;
mod worker;
