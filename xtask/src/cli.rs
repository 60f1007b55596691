//! The command line of `cargo xtask`: its commands and their help.

use std::iter;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::bench;
use crate::commands::deliver::{self, Deliver};
use crate::commands::develop::{self, Develop};
use crate::commands::operate::{self, Operate};
use crate::help::{self, Help};
use crate::ui;

/// The project's commands. `up` runs everything on this machine; `test` runs all tests.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

// Grouped by purpose. `cargo xtask --help` lists them in this order.
#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Develop(Develop),
    #[command(flatten)]
    Operate(Operate),
    #[command(flatten)]
    Deliver(Deliver),
    /// Measure time, memory and size, and compare each with the minimum possible cost.
    ///
    /// Without a subcommand it measures everything except `memory`. The first build takes a minute
    /// for each function. docs/performance.md explains the figures.
    Bench {
        #[command(subcommand)]
        what: Option<bench::What>,
    },
}

/// Returns the names of all commands, for example `up` and `queue list`, for the test of docs/commands.md.
#[must_use]
pub fn command_names() -> Vec<String> {
    let name = |command: &clap::Command| command.get_name().to_owned();
    let names = |command: &clap::Command| {
        let parts = command.get_subcommands().map(|part| format!("{} {}", name(command), name(part)));
        iter::once(name(command)).chain(parts).collect::<Vec<_>>()
    };
    Arguments::command().get_subcommands().flat_map(names).collect()
}

/// Returns why these arguments are refused, for the test of commands in the documentation.
#[must_use]
pub fn refusal(arguments: &[String]) -> Option<String> {
    let words = iter::once("cargo xtask").chain(arguments.iter().map(String::as_str));
    let error = Arguments::try_parse_from(words).err()?;
    Some(format!(
        "cargo xtask {}: {}",
        arguments.join(" "),
        error.to_string().lines().next().unwrap_or_default()
    ))
}

/// Returns the help of all commands and options, for the test that reads it.
#[must_use]
pub fn help() -> Vec<Help> {
    help::of(&Arguments::command())
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            ui::report(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Develop(command) => develop::run(command, &Arguments::command()),
        Command::Operate(command) => operate::run(command),
        Command::Deliver(command) => deliver::run(command),
        Command::Bench { what } => bench::run(what.as_ref()),
    }
}
