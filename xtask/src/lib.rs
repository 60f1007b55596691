//! The developer's commands, `cargo xtask …`, and the pieces they are made of.
//!
//! - [`cli`]: the command line. One file in [`commands`] for each command, no logic elsewhere.
//! - [`stack`]: the topology on this machine: Postgres, the AWS emulator, the deployed template.
//! - [`runtime_api`]: one function's binary behind a Lambda Runtime API; tests use it too.
//! - [`migrations`], [`keys`], [`logs`], [`watch`]: what more than one command does.
//! - [`generate`]: what `new` writes and `remove` takes away.
//! - [`sbom`]: what each function is made of.
//! - [`operator`]: queues, dead letters and the outbox, of a stack here or on AWS.
//! - [`bench`]: what the functions cost; [`measure`]: times, their spread and their floors.
//! - [`mutants`]: faults on purpose, and the copy of the project that they are put into; tests use it too.
//! - [`rankings`]: public rankings of passwords, for the list of common ones.
//! - [`assets`], [`extra`], [`node`], [`clients`], [`valkey`], [`broker`]: what is fetched when it
//!   is first needed.
//! - [`checkout`], [`binaries`], [`python`], [`process`], [`server`], [`interrupt`], [`skip`],
//!   [`ui`]:
//!   the ground these stand on.
//!
//! It is synchronous and depends on no function and not on `app-core`, so that it compiles in
//! seconds. What only an AWS SDK does well (deploying, credentials) is a small Python script in
//! `xtask/python/`. A new command: a file in `commands/`, a variant in [`cli`].
#![allow(
    clippy::disallowed_methods,
    reason = "a developer's tool reads the clock and the environment of its caller"
)]

pub mod assets;
pub mod bench;
pub mod binaries;
pub mod broker;
pub mod checkout;
pub mod cli;
pub mod clients;
pub mod commands;
pub mod debian;
pub mod extra;
pub mod generate;
pub mod interrupt;
pub mod keys;
pub mod logs;
pub mod measure;
pub mod migrations;
pub mod mutants;
pub mod node;
pub mod operator;
pub mod pgbouncer;
pub mod process;
pub mod python;
pub mod rankings;
pub mod runtime_api;
pub mod sbom;
pub mod server;
pub mod skip;
pub mod stack;
pub mod ui;
pub mod valkey;
pub mod watch;
