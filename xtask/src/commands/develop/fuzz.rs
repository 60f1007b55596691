//! `cargo xtask fuzz …`: tests with generated input for a chosen time.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::assets;
use crate::checkout::{Checkout, private_dir};
use crate::interrupt;
use crate::process;
use crate::stack::{FUZZ, Stack};
use crate::ui;

/// The subcommands of `fuzz`.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Send generated requests to the whole API and check each response against docs/openapi.json.
    ///
    /// Schemathesis generates the requests. The handlers run in one process with a separate
    /// database. A failure is printed with its request as a `curl` command. The same seed repeats it.
    Api {
        /// The approximate number of requests. Requests that follow links or test limits are extra.
        #[arg(long, default_value_t = 10_000)]
        cases: u32,
        /// The seed of the generator; another seed gives other requests.
        #[arg(long, default_value_t = 1)]
        seed: u32,
    },
    /// Fuzz the path from query strings to filters to SQL.
    Filter(Time),
    /// Fuzz the verification of tokens.
    Token(Time),
    /// Fuzz the reading of queue messages, alone and in batches.
    Envelope(Time),
    /// Fuzz the reading of list cursors.
    Cursor(Time),
    /// Fuzz the reading of API Gateway events: body, headers and query string.
    Request(Time),
}

/// The options of libFuzzer.
#[derive(Debug, Args)]
pub struct Time {
    /// How long to run, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

pub fn run(what: &What) -> Result<ExitCode> {
    match what {
        What::Api { cases, seed } => api(*cases, *seed),
        What::Filter(time) => libfuzzer("filter", time),
        What::Token(time) => libfuzzer("token", time),
        What::Envelope(time) => libfuzzer("envelope", time),
        What::Cursor(time) => libfuzzer("cursor", time),
        What::Request(time) => libfuzzer("request", time),
    }
}

fn api(cases: u32, seed: u32) -> Result<ExitCode> {
    interrupt::note()?;
    let mut stack = Stack::claim(FUZZ)?;
    ui::heading("Building");
    let mut cargo = stack.checkout.cargo();
    cargo.args(["test", "-p", "app-tests", "--test", "outside"]);
    let build = process::wait(
        cargo.arg("--no-run").spawn().context("cannot run cargo; install Rust from https://rustup.rs")?,
    )?;
    if !build.success() {
        return Ok(ExitCode::FAILURE);
    }
    ui::heading("Starting the fuzz stack");
    stack.start_postgres(None)?;
    ui::heading(&format!("Sending about {cases} requests, seed {seed}"));
    let mut cargo = stack.checkout.cargo();
    cargo.args(["test", "--quiet", "-p", "app-tests", "--test", "outside"]).envs(stack.state.variables());
    cargo.env("TEST_PYTHON", stack.python.program());
    cargo.env("API_CASES", cases.to_string()).env("API_SEED", seed.to_string());
    let status = cargo
        .spawn()
        .context("cannot run cargo; install Rust from https://rustup.rs")
        .and_then(process::wait);
    stack.dispose()?;
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Compiler options that libFuzzer needs: counters in the branches, and the compared values.
/// The stable compiler has them. It lacks only the sanitizers, which safe code does not need.
const WATCHED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// One target of `tests/fuzz/` under libFuzzer.
fn libfuzzer(target: &str, time: &Time) -> Result<ExitCode> {
    interrupt::note()?;
    let checkout = Checkout::find()?;
    assets::ready(&checkout)?;
    ui::heading("Building the fuzz targets (the first time takes minutes)");
    let host = host(&checkout)?;
    let mut cargo = checkout.cargo();
    cargo.args(["build", "-p", "app-tests", "--example", "libfuzzer", "--features", "libfuzzer"]);
    // A named target keeps the flags away from build scripts and macros, which run without libFuzzer.
    cargo.args(["--profile", "fuzz", "--target", &host]).env("RUSTFLAGS", WATCHED);
    let build =
        process::wait(cargo.spawn().context("cannot run cargo; install Rust from https://rustup.rs")?)?;
    if !build.success() {
        bail!(
            "the build failed; see the messages above. libFuzzer needs a C++ compiler: install g++ or clang++"
        );
    }
    let found = checkout.root().join(".local/fuzz").join(target);
    private_dir(&found)?;
    ui::heading(&format!("Fuzzing {target} for {} s", time.seconds));
    let mut fuzzer = Command::new(checkout.target_dir()?.join(&host).join("fuzz/examples/libfuzzer"));
    fuzzer.current_dir(&found).env("FUZZ_TARGET", target);
    fuzzer.arg(&found).arg(checkout.root().join("tests/fuzz/corpus").join(target));
    fuzzer.arg(format!("-max_total_time={}", time.seconds));
    fuzzer.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    fuzzer.arg(format!("-artifact_prefix={}/", found.with_extension("found").display()));
    private_dir(&found.with_extension("found"))?;
    let status = process::wait(fuzzer.spawn().context("cannot start libFuzzer")?)?;
    if !status.success() {
        bail!(
            "{target} failed; see the messages above. The input is in {}",
            found.with_extension("found").display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns rustc's name for the target of this machine.
fn host(checkout: &Checkout) -> Result<String> {
    let output = Command::new("rustc").arg("-vV").current_dir(checkout.root()).output();
    let text = String::from_utf8(output.context("cannot run rustc")?.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
