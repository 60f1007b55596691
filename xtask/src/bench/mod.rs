//! What the functions cost, as the processes that Lambda would run: `cargo xtask bench cold`, `warm`,
//! `memory` and `size`.
//!
//! - [`release`]: the binaries as they are deployed, what they weigh, and the limits that CI keeps.
//! - [`world`]: a database over TLS, a secret store, the settings of PROD.
//! - [`cases`]: which functions are measured, and with which events.
//! - [`run`]: starts and requests, turn by turn with the floors, so that a ratio is of one moment.
//! - [`bare`]: the floors.
//! - [`awake`]: what keeps a warm request from measuring how processors wake up.
//! - [`quota`]: as much of a processor as a memory setting buys.
//! - [`report`], [`targets`]: the table, and what of it was promised.
//!
//! `repository` and `queue` are programs of their own in `tests/benches/`.

mod awake;
mod bare;
mod cases;
mod endpoint;
mod machine;
mod process;
mod quota;
mod release;
mod report;
mod run;
mod targets;
mod world;

pub use awake::Awake;
pub use bare::{Bare, FLOORS};
pub use cases::packages;
pub use machine::Machine;
pub use quota::measure as memory;
pub use release::{GATE, Weight, build, gate, weigh};
pub use report::Report;
pub use run::{Plan, measure};
pub use world::World;
