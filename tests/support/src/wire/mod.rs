//! Real functions with their wire in the test's hand, for the crash sweep and the drills.
//!
//! Between two messages on the wire a process has no effect on the world. So a test needs to kill it only before, in
//! the middle of and after every message. The binaries are the deployed ones: no points for tests are compiled into
//! them.
//!
//! - [`control`]: which *steps* a process has taken, and the trap that kills it at one of them.
//! - [`postgres`] and [`queue_api`]: proxies that cut the wire into steps; [`label`] names them.
//! - [`sandbox`]: a function's process behind its proxies.
//! - [`world`]: a [`database`] and [`queues`] of the test's own; [`mapping`] feeds queue functions
//!   from them as Lambda does.
//! - [`ledger`]: what was applied, and how often; [`drain`] lets everything come to rest before
//!   that is asked.

pub mod control;
pub mod database;
pub mod drain;
pub mod label;
pub mod ledger;
pub mod mapping;
pub mod postgres;
pub mod queue_api;
pub mod queues;
pub mod sandbox;
pub mod world;
