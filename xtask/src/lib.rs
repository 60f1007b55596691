//! The developer's commands, `cargo xtask …`, and the pieces they are made of.
//!
//! [`cli`] is the command line. [`commands`] has one file for each command, in a folder for its purpose:
//!
//! 1. [`commands::develop`]: the developer's loop. It uses
//!    [`watch`] and [`logs`] (what `up` does while it runs), [`generate`] (what `new` writes and `remove` takes away),
//!    [`suites`] (which test programs run at the same time), [`mutants`] (faults on purpose, and the copy of the project that they are put into), [`previews`] (examples of all mails), [`traces`] (what requests did), [`site`] (the documentation site), [`sbom`] (what each function
//!    is made of) and [`rankings`] (public rankings of passwords).
//! 2. [`commands::operate`]: the operator's commands. They use [`operator`] (queues, dead letters and the outbox, of a
//!    stack here or on AWS), [`migrations`] and [`keys`].
//! 3. [`commands::deliver`]: what brings the functions to AWS. It uses [`delivery`].
//! 4. [`commands::bench`]: the benchmark. It uses [`bench`] (what the functions cost) and [`measure`] (times, their
//!    spread and their floors).
//!
//! All of them stand on these:
//!
//! - [`stack`]: the topology on this machine: Postgres, the AWS emulator, a mail server, a receiver
//!   of traces, the deployed template.
//! - [`runtime_api`]: one function's binary behind a Lambda Runtime API.
//! - [`install`], [`assets`], [`python`]: programs and files that are fetched when they are first needed.
//! - [`checkout`], [`binaries`], [`process`], [`server`], [`interrupt`], [`skip`], [`help`], [`html`], [`ui`]: the ground.
//!
//! It is synchronous and depends on no function and not on `app-core`, so that it compiles in
//! seconds. What only an AWS SDK does well (deploying, credentials) is a small Python script in
//! `xtask/python/`. A new command: a file in the folder of its purpose, and a variant in that folder's `mod.rs`.
#![allow(
    clippy::disallowed_methods,
    reason = "a developer's tool reads the clock and the environment of its caller"
)]

pub mod assets;
pub mod bench;
pub mod binaries;
pub mod checkout;
pub mod cli;
pub mod commands;
pub mod delivery;
pub mod generate;
pub mod help;
pub mod html;
pub mod install;
pub mod interrupt;
pub mod keys;
pub mod logs;
pub mod measure;
pub mod migrations;
pub mod mutants;
pub mod operator;
pub mod previews;
pub mod process;
pub mod product;
pub mod python;
pub mod rankings;
pub mod runtime_api;
pub mod sbom;
pub mod server;
pub mod site;
pub mod skip;
pub mod stack;
pub mod suites;
pub mod traces;
pub mod ui;
pub mod watch;
