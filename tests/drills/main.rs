//! Drills: the things that go wrong around us, under a load of sign-ups by the real functions.
//!
//! `load.rs` is the load. Each drill changes one thing about the world while it runs, and in the
//! end every event that was committed has been applied exactly once. `alarms.rs`, `database_roles/`,
//! `mail_flood.rs` and `refused_mail.rs` need no load.

mod address;
mod alarms;
mod database_roles;
mod database_server;
mod deliveries;
mod failover;
mod full_database;
mod load;
mod mail_flood;
mod mail_server;
mod postgres_restart;
mod queue_outage;
mod refused_mail;
mod relay_killed;
mod server;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One drill at a time: they measure how long responses take.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
