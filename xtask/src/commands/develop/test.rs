//! `cargo xtask test`: runs all tests against a stack that exists for this run only.

use std::process::{ExitCode, ExitStatus};

use anyhow::{Context as _, Result};

use crate::interrupt;
use crate::process;
use crate::stack::{Stack, TEST, bin_dir};
use crate::ui;

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    interrupt::note()?;
    let mut stack = Stack::claim(TEST)?;
    stack.start()?;
    ui::heading("Testing");
    let status = cargo_test(&stack, arguments);
    stack.dispose()?;
    let status = status?;
    if !status.success() {
        ui::say("`cargo xtask logs --test` shows the logs of the functions");
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn cargo_test(stack: &Stack, arguments: &[String]) -> Result<ExitStatus> {
    let mut cargo = stack.checkout.cargo();
    // All that fails at once, not the first failing package only.
    cargo.args(["test", "--no-fail-fast"]);
    // Cargo would test the whole workspace even with -p.
    if !arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package")) {
        cargo.arg("--workspace");
    }
    let child = cargo
        .args(arguments)
        .envs(stack.state.variables())
        .env("TEST_PYTHON", stack.python.program())
        .env("BIN_DIR", bin_dir(&stack.folder))
        .spawn();
    process::wait(child.context("cannot run cargo; install Rust from https://rustup.rs")?)
}
