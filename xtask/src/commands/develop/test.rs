//! `cargo xtask test`: runs all tests against a stack that exists for this run only.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::interrupt;
use crate::process;
use crate::stack::{Stack, TEST, bin_dir};
use crate::suites::{Order, Program, documented, programs};
use crate::ui;

/// A suite that takes longer has stopped.
const LIMIT: Duration = Duration::from_secs(3_600);

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    interrupt::note()?;
    let mut stack = Stack::claim(TEST)?;
    stack.start()?;
    let passed = if arguments.is_empty() { everything(&stack) } else { chosen(&stack, arguments) };
    stack.dispose()?;
    if passed? {
        return Ok(ExitCode::SUCCESS);
    }
    ui::say("`cargo xtask logs --test` shows the logs of the functions");
    Ok(ExitCode::FAILURE)
}

/// Runs what the arguments of `cargo test` choose.
fn chosen(stack: &Stack, arguments: &[String]) -> Result<bool> {
    ui::heading("Testing");
    let mut cargo = stack.checkout.cargo();
    // All that fails at once, not the first failing package only.
    cargo.args(["test", "--no-fail-fast"]);
    // Cargo would test the whole workspace even with -p.
    if !arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package")) {
        cargo.arg("--workspace");
    }
    Ok(shown(stack, cargo.args(arguments))?.success())
}

/// Runs all tests. Half of the suites mostly wait, so two run at a time.
fn everything(stack: &Stack) -> Result<bool> {
    ui::heading("Building the tests");
    // Compiled first, so that nothing is compiled while tests run.
    let messages = stack.folder.join("tests.json");
    let mut build = stack.checkout.cargo();
    build.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    build.stdout(File::create(&messages).with_context(|| format!("cannot write {}", messages.display()))?);
    if !shown(stack, &mut build)?.success() {
        return Ok(false);
    }
    let order = Order::of(programs(&fs::read_to_string(&messages)?))?;

    let mut failed = Vec::new();
    let beside = std::thread::scope(|scope| {
        let beside = scope.spawn(|| captured(stack, &order.beside));
        in_turn(stack, &order.busy, &mut failed)?;
        if !beside.is_finished() {
            ui::heading("Waiting for the suites that run at the same time");
        }
        beside.join().map_err(|_| anyhow::anyhow!("the thread of the other suites panicked"))?
    })?;
    for (program, passed, log) in beside {
        ui::heading(&format!("Tested at the same time: {}", program.name));
        ui::out(&String::from_utf8_lossy(&fs::read(log)?));
        failed.extend((!passed).then_some(program.name));
    }
    in_turn(stack, &order.alone, &mut failed)?;
    let documented = documented(&stack.checkout.metadata()?);
    if !documented.is_empty() {
        ui::heading("Testing the examples in comments");
        let mut examples = stack.checkout.cargo();
        examples.args(["test", "--doc"]).args(documented.iter().flat_map(|package| ["-p", package]));
        if !shown(stack, &mut examples)?.success() {
            failed.push("the examples in comments".to_owned());
        }
    }
    if !failed.is_empty() {
        ui::say(&format!("tests failed in: {}", failed.join(", ")));
    }
    Ok(failed.is_empty())
}

/// Runs programs one after another and shows what they print.
fn in_turn(stack: &Stack, programs: &[Program], failed: &mut Vec<String>) -> Result<()> {
    for program in programs {
        interrupt::check()?;
        ui::heading(&format!("Testing: {}", program.name));
        if !shown(stack, &mut program.command())?.success() {
            failed.push(program.name.clone());
        }
    }
    Ok(())
}

/// Runs programs one after another. Returns each with whether it passed, and with the file of what it printed.
fn captured(stack: &Stack, programs: &[Program]) -> Result<Vec<(Program, bool, PathBuf)>> {
    let run = |program: &Program| {
        let log = stack.folder.join(format!("tests-{}.log", program.name));
        let (mut child, identity) = process::start(on(stack, &mut program.command()), &log)?;
        let status = process::finish(&mut child, &identity, LIMIT)?;
        Ok((program.clone(), status.is_some_and(|status| status.success()), log))
    };
    programs.iter().map(run).collect()
}

/// Runs a command and shows what it prints.
fn shown(stack: &Stack, command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = on(stack, command).spawn();
    process::wait(child.with_context(|| format!("cannot run {name}"))?)
}

/// Tells the tests which stack is theirs.
fn on<'a>(stack: &Stack, command: &'a mut Command) -> &'a mut Command {
    command
        .envs(stack.state.variables())
        .env("TEST_PYTHON", stack.python.program())
        .env("BIN_DIR", bin_dir(&stack.folder))
}
