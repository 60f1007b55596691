//! `cargo xtask bench …`: measures what the product costs, each figure next to its floor of the same run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::bench::{self, Awake, FLOORS, GATE, Machine, Plan, Report, World};
use crate::checkout::Checkout;
use crate::interrupt;
use crate::process;
use crate::python::Python;
use crate::stack::{BENCH, Stack};
use crate::ui;

/// The package of the programs that functions are compared with.
const FLOORS_PACKAGE: &str = "floors";
/// The functions that show what a memory setting buys: one that waits, one that computes.
const THROTTLED: [&str; 2] = ["users-me", "auth-tokens"];

/// The subcommands of `bench`.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Measure cold starts: from the start of a process to its first poll, and its first request.
    Cold(Functions),
    /// Measure cold starts and warm requests: medians, p99, processor time, memory.
    Warm(Functions),
    /// Count the processor instructions of a warm request. It needs valgrind.
    ///
    /// The figure does not depend on how busy the machine is, so small changes show.
    Instructions {
        /// Count only for these functions, for example users-me. The default is all.
        functions: Vec<String>,
        /// Also count for the binaries of an earlier build, from a copy of its target/release.
        #[arg(long, value_name = "FOLDER")]
        before: Option<PathBuf>,
    },
    /// Measure the sizes of the functions' binaries and zips.
    Size {
        /// Measure only these functions, for example users-me. The default is all.
        functions: Vec<String>,
        /// Measure only functions that have a limit, and fail if one exceeds it. CI runs this.
        #[arg(long, conflicts_with = "functions")]
        gate: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Measure users-me and auth-tokens with the processor time that each memory setting buys.
    ///
    /// It needs Linux and the permission to create a control group.
    Memory,
    /// Measure a process that handles many requests at once, next to one process for each.
    ///
    /// A server by hand is the floor. It needs Linux. It takes about ten minutes after the build.
    Throughput,
    /// Compare the repository with handwritten statements: one row, a page, 10,000 rows at once.
    ///
    /// It takes about a minute after the build. A busy machine makes the times longer and more
    /// varied; the ratios stay the same.
    Repository(Output),
    /// Compare the consumer and the worker with handwritten statements.
    ///
    /// It also measures how long it takes to claim from an outbox with a million published rows.
    Queue(Output),
}

#[derive(Debug, Args)]
pub struct Output {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Functions {
    /// Measure only these functions, for example users-me. The default is all.
    functions: Vec<String>,
    /// The number of cold starts of each function.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    starts: u32,
    /// The number of warm requests of each function. Functions that hash a password get a tenth.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(30..=100_000))]
    requests: u32,
    /// Also measure the binaries of an earlier build, from a copy of its target/release.
    #[arg(long, value_name = "FOLDER")]
    before: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Functions {
    /// Returns all functions with the default numbers.
    fn all() -> Self {
        let output = Output { json: false };
        Self { functions: Vec::new(), starts: 40, requests: 3_000, before: None, output }
    }

    fn plan(&self, warm: bool) -> Plan {
        let requests = if warm { self.requests as usize } else { 0 };
        let (only, before) = (self.functions.clone(), self.before.clone());
        Plan { starts: self.starts as usize, requests, hashes: requests / 10, only, before }
    }
}

pub fn run(what: Option<&What>) -> Result<ExitCode> {
    interrupt::note()?;
    match what {
        None => whole(),
        Some(What::Cold(functions)) => processes(functions, false),
        Some(What::Warm(functions)) => processes(functions, true),
        Some(What::Instructions { functions, before }) => instructions(functions, before.as_deref()),
        Some(What::Size { gate: true, .. }) => gate(),
        Some(What::Size { functions, output, .. }) => size(functions, output.json),
        Some(What::Memory) => memory(),
        Some(What::Throughput) => throughput(),
        Some(What::Repository(output)) => program("repository", output.json),
        Some(What::Queue(output)) => program("queue", output.json),
    }
}

/// Every function is built and weighed, which takes a minute for each; then all is measured.
fn whole() -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let functions = checkout.functions()?;
    let all: Vec<&str> = functions.iter().map(String::as_str).chain([FLOORS_PACKAGE]).collect();
    bench::build(&checkout, &all)?;
    processes(&Functions::all(), true)?;
    size(&functions, false)?;
    for name in ["repository", "queue"] {
        program(name, false)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn processes(functions: &Functions, warm: bool) -> Result<ExitCode> {
    let plan = functions.plan(warm);
    let (folder, names) = release(&plan)?;
    let mut world = start()?;
    ui::heading("Measuring");
    let measured = bench::measure(&mut world, &folder, &plan);
    world.stack.dispose()?;
    let names: Vec<&str> = names.iter().map(String::as_str).chain(FLOORS).collect();
    let weights = bench::weigh(&world.stack.python, &folder, &names)?;
    print(&Report::new(Some(world.tls), &plan, measured?, weights), functions.output.json);
    Ok(ExitCode::SUCCESS)
}

/// Builds what a plan measures. Returns the folder, and the names of the binaries.
fn release(plan: &Plan) -> Result<(PathBuf, Vec<String>)> {
    let checkout = Checkout::find()?;
    let mut packages = bench::packages(plan)?;
    for name in &packages {
        checkout.function(name)?;
    }
    ui::heading("Building for release; this takes a minute for each changed function");
    packages.push(FLOORS_PACKAGE.to_owned());
    let folder = bench::build(&checkout, &packages.iter().map(String::as_str).collect::<Vec<_>>())?;
    packages.pop();
    if let Some(before) = &plan.before
        && !packages.iter().any(|name| before.join(name).is_file())
    {
        bail!("{} holds no function; copy target/release there before your change", before.display());
    }
    Ok((folder, packages))
}

fn size(functions: &[String], json: bool) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let python = Python::ready(&checkout)?;
    let wanted = if functions.is_empty() { checkout.functions()? } else { functions.to_vec() };
    for name in &wanted {
        checkout.function(name)?;
    }
    let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let folder = bench::build(&checkout, &names)?;
    let weights = bench::weigh(&python, &folder, &names)?;
    let plan = Plan { starts: 0, requests: 0, hashes: 0, only: Vec::new(), before: None };
    let nothing = (Vec::new(), bench::Bare::default());
    print(&Report::new(None, &plan, nothing, weights), json);
    Ok(ExitCode::SUCCESS)
}

fn gate() -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let python = Python::ready(&checkout)?;
    let names: Vec<&str> = GATE.iter().map(|(name, _)| *name).collect();
    let folder = bench::build(&checkout, &names)?;
    let weights = bench::weigh(&python, &folder, &names)?;
    for (name, limit) in GATE {
        ui::say(&format!(
            "{name}: the zip has {} of at most {limit} bytes",
            weights.get(*name).map_or(0, |weight| weight.zip)
        ));
    }
    bench::gate(&weights)?;
    Ok(ExitCode::SUCCESS)
}

fn instructions(only: &[String], before: Option<&Path>) -> Result<ExitCode> {
    let (only, before) = (only.to_vec(), before.map(Path::to_owned));
    let plan = Plan { starts: 0, requests: 0, hashes: 0, only, before };
    let (folder, _) = release(&plan)?;
    let mut world = start()?;
    ui::heading("Counting");
    let outcome = bench::count_instructions(&world, &folder, &plan);
    world.stack.dispose()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

fn memory() -> Result<ExitCode> {
    let only = THROTTLED.map(str::to_owned).to_vec();
    let plan = Plan { starts: 5, requests: 100, hashes: 100, only, before: None };
    let (folder, _) = release(&plan)?;
    let mut world = start()?;
    ui::heading("Measuring");
    ui::out(&Machine::here().to_string());
    let outcome = Awake::keep(&world.stack.python)
        .and_then(|_awake| bench::measure_memory(&world, Path::new(&folder), &plan));
    world.stack.dispose()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

fn throughput() -> Result<ExitCode> {
    let only = ["auth-tokens-refresh", "users-me"].map(str::to_owned).to_vec();
    let (folder, _) = release(&Plan { starts: 0, requests: 0, hashes: 0, only, before: None })?;
    let by_hand = bench::build_by_hand(&Checkout::find()?)?;
    let mut world = start()?;
    ui::heading("Measuring");
    ui::out(&Machine::here().to_string());
    let outcome = bench::measure_throughput(&world, &folder, &by_hand);
    world.stack.dispose()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

fn start() -> Result<World> {
    ui::heading("Starting the bench stack");
    World::start()
}

fn print(report: &Report, json: bool) {
    if json {
        ui::out(&format!("{:#}", report.json()));
    } else {
        report.print();
    }
}

/// Runs one of `tests/bench/` on an empty database.
fn program(name: &str, json: bool) -> Result<ExitCode> {
    let mut stack = Stack::claim(BENCH)?;
    // Built first, so that the compiler does not run during the measurement.
    ui::heading("Building the benchmark");
    let status = process::wait(
        bench(&stack, name)
            .arg("--no-run")
            .spawn()
            .context("cannot run cargo; install Rust from https://rustup.rs")?,
    )?;
    if !status.success() {
        return Ok(ExitCode::FAILURE);
    }
    ui::heading("Starting the bench stack");
    stack.start_postgres(None)?;
    ui::heading("Measuring");
    let mut command = bench(&stack, name);
    command.arg("--quiet").envs(stack.state.variables());
    if json {
        command.args(["--", "--json"]);
    }
    let status = Awake::keep(&stack.python).and_then(|_awake| {
        command
            .spawn()
            .context("cannot run cargo; install Rust from https://rustup.rs")
            .and_then(process::wait)
    });
    stack.dispose()?;
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn bench(stack: &Stack, name: &str) -> std::process::Command {
    let mut cargo = stack.checkout.cargo();
    cargo.args(["bench", "-p", "app-tests", "--bench", name]);
    cargo
}
