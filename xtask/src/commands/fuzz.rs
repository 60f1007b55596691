//! `cargo xtask fuzz …`: made-up input, for as long as somebody likes.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::assets;
use crate::checkout::{Checkout, private_dir};
use crate::interrupt;
use crate::process;
use crate::stack::{FUZZ, Stack};
use crate::ui;

/// What can be tried.
#[derive(Debug, Subcommand)]
pub enum What {
    /// The whole API, by docs/openapi.json: schemathesis makes up requests and judges each answer.
    ///
    /// The handlers run in one process on a database of their own. A failure is printed with the
    /// request as a `curl` command, and comes again with the same seed.
    Api {
        /// How many requests, about; those that follow links and try limits come on top.
        #[arg(long, default_value_t = 10_000)]
        cases: u32,
        /// Another one makes up other requests.
        #[arg(long, default_value_t = 1)]
        seed: u32,
    },
    /// Query strings to filters to SQL.
    Filter(Time),
    /// Forged and damaged tokens.
    Token(Time),
    /// Messages of the queues, alone and in batches.
    Envelope(Time),
    /// Cursors of lists.
    Cursor(Time),
    /// Events of API Gateway, and bodies, headers and query strings in them.
    Request(Time),
}

/// For how long libFuzzer looks. It keeps the inputs that reach new code in .local/fuzz/TARGET/,
/// and begins with them the next time; an input that breaks something is in TARGET.found/ beside it.
///
/// It needs a C++ compiler, and no other toolchain than the project's.
#[derive(Debug, Args)]
pub struct Time {
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
    let build = process::wait(cargo.arg("--no-run").spawn().context("cannot run cargo")?)?;
    if !build.success() {
        return Ok(ExitCode::FAILURE);
    }
    ui::heading("Starting the fuzz stack");
    stack.start_postgres(None)?;
    ui::heading(&format!("Trying about {cases} requests, seed {seed}"));
    let mut cargo = stack.checkout.cargo();
    cargo.args(["test", "--quiet", "-p", "app-tests", "--test", "outside"]).envs(stack.state.variables());
    cargo.env("TEST_PYTHON", stack.python.program());
    cargo.env("API_CASES", cases.to_string()).env("API_SEED", seed.to_string());
    let status = cargo.spawn().context("cannot run cargo").and_then(process::wait);
    stack.dispose()?;
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What libFuzzer wants of the code it watches: counters in its branches, and the values they compare.
/// They are options of the stable compiler; only the sanitizers are not, and safe code needs none.
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
    let build = process::wait(cargo.spawn().context("cannot run cargo")?)?;
    if !build.success() {
        bail!(
            "the build failed; what the compiler said is above. libFuzzer needs a C++ compiler (g++ or clang++)"
        );
    }
    let found = checkout.root().join(".local/fuzz").join(target);
    private_dir(&found)?;
    ui::heading(&format!("Trying {target} for {} s", time.seconds));
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
            "{target} does not hold; what broke is said above, and the input is in {}",
            found.with_extension("found").display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The name of this machine's own target, as rustc has it.
fn host(checkout: &Checkout) -> Result<String> {
    let output = Command::new("rustc").arg("-vV").current_dir(checkout.root()).output();
    let text = String::from_utf8(output.context("cannot run rustc")?.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}
