//! The command line of `cargo xtask`: its commands and their help.

use std::iter;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::bench;
use crate::commands::deliver::{self, Deliver};
use crate::commands::develop::{self, Develop};
use crate::commands::operate::{self, Operate};
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

/// The help of a command or of one of its options.
#[derive(Debug)]
pub struct Help {
    /// For example `queue list` or `queue list --json`.
    pub name: String,
    /// The whole help, with its first line first; empty if there is none.
    pub text: String,
    pub is_command: bool,
}

/// Returns the help of all commands and options, for the test that reads it.
#[must_use]
pub fn help() -> Vec<Help> {
    let mut found = Vec::new();
    Arguments::command().get_subcommands().for_each(|command| collect_help(command, "", &mut found));
    found
}

fn collect_help(command: &clap::Command, above: &str, found: &mut Vec<Help>) {
    let name = format!("{above}{}", command.get_name());
    let text = command.get_long_about().or_else(|| command.get_about());
    let text = text.map(ToString::to_string).unwrap_or_default();
    found.push(Help { name: name.clone(), text, is_command: true });
    for argument in command.get_arguments() {
        let text = argument.get_long_help().or_else(|| argument.get_help());
        let text = text.map(ToString::to_string).unwrap_or_default();
        let option =
            argument.get_long().map_or_else(|| argument.get_id().to_string(), |long| format!("--{long}"));
        found.push(Help { name: format!("{name} {option}"), text, is_command: false });
    }
    command.get_subcommands().for_each(|command| collect_help(command, &format!("{name} "), found));
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
        Command::Develop(command) => develop::run(command),
        Command::Operate(command) => operate::run(command),
        Command::Deliver(command) => deliver::run(command),
        Command::Bench { what } => bench::run(what.as_ref()),
    }
}
