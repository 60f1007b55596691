//! What the functions cost, as the processes that Lambda would run: `cargo xtask bench cold`, `warm`,
//! `instructions`, `memory` and `size`.
//!
//! - [`release`]: the binaries as they are deployed, what they weigh, and the limits that CI keeps.
//! - [`world`]: a database over TLS, a secret store, the settings of PROD.
//! - [`cases`]: which functions are measured, and with which events.
//! - [`run`]: starts and requests, turn by turn with the floors, so that a ratio is of one moment.
//! - [`bare`]: the floors.
//! - [`awake`]: what keeps a warm request from measuring how processors wake up.
//! - [`instructions`]: what a warm request takes, whatever the machine does meanwhile.
//! - [`throughput`]: many requests at once in one process.
//! - [`memory`], [`quota`]: requests with as much of a processor as a memory setting buys.
//! - [`figures`], [`targets`], [`report`]: medians, the promises about them, and the table.
//!
//! `repository` and `queue` are separate programs in `tests/bench/`.

mod awake;
mod bare;
mod cases;
mod endpoint;
mod figures;
mod instructions;
mod machine;
mod memory;
mod plan;
mod process;
mod quota;
mod release;
mod report;
mod run;
mod targets;
mod throughput;
mod world;

pub use awake::Awake;
pub use bare::{Bare, FLOORS};
pub use cases::packages;
pub use figures::Report;
pub use instructions::measure as count_instructions;
pub use machine::Machine;
pub use memory::measure as measure_memory;
pub use plan::Plan;
pub use release::{GATE, Weight, build, gate, weigh, weigh_files};
pub use run::measure;
pub use throughput::{build_by_hand, measure as measure_throughput};
pub use world::World;
