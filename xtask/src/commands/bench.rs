//! `cargo xtask bench …`: what the product costs, each figure beside its floor of the same run.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::interrupt;
use crate::process;
use crate::stack::{BENCH, Stack};
use crate::ui;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum What {
    /// The repository against the same statements by hand: one row, a page, 10,000 rows at once.
    ///
    /// It takes about a minute after the build. A busy machine changes the times and widens their
    /// spread; the ratios stay.
    Repository {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// The consumer and the worker against the same statements by hand, and what claiming from the
    /// outbox costs beside a million rows that have been published.
    Queue {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(what: &What) -> Result<ExitCode> {
    match what {
        What::Repository { json } => program("repository", *json),
        What::Queue { json } => program("queue", *json),
    }
}

/// Runs one of `tests/benches/` on an empty database.
fn program(name: &str, json: bool) -> Result<ExitCode> {
    interrupt::note()?;
    let mut stack = Stack::claim(BENCH)?;
    // Built first: what is measured should not have the compiler beside it.
    ui::heading("Building the benchmark");
    let status = process::wait(bench(&stack, name).arg("--no-run").spawn().context("cannot run cargo")?)?;
    if !status.success() {
        return Ok(ExitCode::FAILURE);
    }
    ui::heading("Starting the bench stack");
    stack.start_postgres()?;
    ui::heading("Measuring");
    let mut command = bench(&stack, name);
    command.arg("--quiet").envs(stack.state.variables());
    if json {
        command.args(["--", "--json"]);
    }
    let status = command.spawn().context("cannot run cargo").and_then(process::wait);
    stack.dispose()?;
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn bench(stack: &Stack, name: &str) -> std::process::Command {
    let mut cargo = stack.checkout.cargo();
    cargo.args(["bench", "-p", "app-tests", "--bench", name]);
    cargo
}
