//! The domain layer: values, entities, events and errors.
//!
//! It uses no other layer: no database, no HTTP, no AWS. A new domain is a folder here, with value objects
//! that have a `parse`, an entity, and an `events.rs` of plain structs.

pub mod audit;
pub mod auth;
pub mod clock;
pub mod detail;
pub mod error;
pub mod event;
pub mod json;
pub mod mask;
pub mod patch;
pub mod rate_limit;
pub mod tasks;
pub mod text;
pub mod timestamp;
pub mod users;
pub(crate) mod words;

pub use detail::{BadParameter, Detail, Part, shown};
pub use error::{Error, Faults, Result};
