//! Real functions with their wire in the test's hand, for the crash sweep and the drills.
//!
//! Between two messages on the wire a process has no effect on the world. So a test that can kill
//! it at every message, before, in the middle of and after it, can kill it everywhere, and the
//! binaries are those that are deployed: no points for tests are compiled into them.
//!
//! - [`control`]: which *steps* a process has taken, and the trap that kills it at one of them.
//! - [`postgres`] and [`queue_api`]: proxies that cut the wire into steps; [`label`] names them.
//! - [`sandbox`]: a function's process behind its proxies.
//! - [`world`]: a [`database`] and [`queues`] of the test's own; [`mapping`] feeds queue functions
//!   from them as Lambda does.
//! - [`ledger`]: what was applied, and how often; [`drain`] lets everything come to rest before
//!   that is asked.
#![allow(dead_code, reason = "each of the two test binaries uses most of it, and not the same part")]

#[path = "../aws.rs"]
mod aws;
pub(crate) mod control;
pub(crate) mod database;
pub(crate) mod drain;
pub(crate) mod label;
pub(crate) mod ledger;
pub(crate) mod mapping;
pub(crate) mod postgres;
pub(crate) mod queue_api;
pub(crate) mod queues;
pub(crate) mod sandbox;
pub(crate) mod world;
