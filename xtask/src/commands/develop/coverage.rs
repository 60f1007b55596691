//! `cargo xtask coverage`: how many lines of `core/` and `functions/` the tests run.
//!
//! It is `cargo xtask test` with rustc's own instrumentation switched on in the packages of the
//! workspace. Counters live in files that are mapped into memory, so a function that the emulator
//! kills counts as well. Lines of test code do not count, neither as lines nor as covered.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::checkout::{Checkout, private_dir};
use crate::install::extra::Extra;
use crate::process::{self, PROFILE};
use crate::stack::{TEST, bin_dir};
use crate::{interrupt, ui};

/// LLVM's tools as a Python package, for a toolchain without its `llvm-tools` component. They
/// must not be older than the LLVM of rust-toolchain.toml (`rustc -vV` names it).
const LLVM: Extra = Extra {
    folder: "llvm",
    title: "LLVM's tools (260 MB)",
    requirements: include_str!("../../../python/llvm.txt"),
};
/// Counted: true when it ran.
type Lines = BTreeMap<usize, bool>;

pub fn run(missing: bool) -> Result<ExitCode> {
    interrupt::note()?;
    let checkout = Checkout::find()?;
    let tools = tools(&checkout)?;
    let folder = checkout.state_dir("coverage")?;
    let profiles = folder.join("profiles");
    let _ = fs::remove_dir_all(&profiles);
    private_dir(&profiles)?;
    let wrapper = checkout.root().join("xtask/rustc-coverage.sh");
    let instrument = |command: &mut Command| {
        // %m: a file for each binary, shared by its processes; %c: written while it runs.
        command.env("RUSTC_WORKSPACE_WRAPPER", &wrapper).env(PROFILE, profiles.join("%m%c.profraw"));
    };
    let mut tests = Command::new(std::env::current_exe()?);
    instrument(tests.arg("test"));
    let status = process::wait(tests.spawn()?)?;
    interrupt::check()?;
    if !status.success() {
        bail!("coverage was not computed because tests failed; see above");
    }
    let mut cargo = checkout.cargo();
    instrument(cargo.args(["test", "--workspace", "--no-run", "--quiet", "--message-format=json"]));
    let mut programs = test_binaries(&output(&mut cargo)?);
    programs.extend(fs::read_dir(bin_dir(&checkout.state_dir(TEST)?))?.flatten().map(|entry| entry.path()));
    let merged = folder.join("tests.profdata");
    let mut merge = Command::new(tools.join("llvm-profdata"));
    merge.args(["merge", "--sparse", "-o"]).arg(&merged).arg(&profiles);
    let mut export = Command::new(tools.join("llvm-cov"));
    export.args(["export", "--format=lcov", "--instr-profile"]).arg(&merged);
    export.args(programs.iter().flat_map(|program| [Path::new("--object"), program]));
    let lcov = ui::step("counting the lines", || {
        output(&mut merge)?;
        output(&mut export)
    })?;
    fs::write(folder.join("lcov.info"), &lcov)?;
    report(&count(checkout.root(), &lcov), missing);
    Ok(ExitCode::SUCCESS)
}

/// The folder of llvm-profdata and llvm-cov: the toolchain's own, else those in `.local/llvm`.
fn tools(checkout: &Checkout) -> Result<PathBuf> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(checkout.root()))?;
    let targets = fs::read_dir(Path::new(sysroot.trim()).join("lib/rustlib"))?.flatten();
    if let Some(found) =
        targets.map(|target| target.path().join("bin")).find(|bin| bin.join("llvm-cov").exists())
    {
        return Ok(found);
    }
    let llvm = LLVM.ready(checkout).context("or run `rustup component add llvm-tools`")?;
    Ok(llvm.join("llvm/bin"))
}

/// Returns what a command prints on stdout, and shows its stderr.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {name}"))?;
    if !done.status.success() {
        bail!("{name} failed; see its messages above");
    }
    Ok(String::from_utf8(done.stdout)?)
}

fn test_binaries(messages: &str) -> Vec<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let tests = messages.filter(|message| message["profile"]["test"] == true);
    tests.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}

/// The product's lines by file: of `core/src` and `functions/*/src`, without tests.
fn count(root: &Path, lcov: &str) -> BTreeMap<String, Lines> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    let (mut current, mut end) = (None, 0);
    for line in lcov.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let path = Path::new(path);
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            let product = name.starts_with("core/src/") || name.starts_with("functions/");
            let test = name.starts_with("core/src/testing/") || name.ends_with("/tests.rs");
            current = (product && !test).then_some(name);
            // A file's unit tests are the last thing in it.
            let text = fs::read_to_string(path).unwrap_or_default();
            end = text.lines().position(|line| line == "#[cfg(test)]").unwrap_or(usize::MAX);
        } else if let (Some(name), Some(entry)) = (&current, line.strip_prefix("DA:"))
            && let Some((number, hits)) = entry.split_once(',')
            && let Ok(number) = number.parse::<usize>()
            && number <= end
        {
            *files.entry(name.clone()).or_default().entry(number).or_default() |= hits != "0";
        }
    }
    files
}

fn report(files: &BTreeMap<String, Lines>, missing: bool) {
    let mut areas: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (name, lines) in files {
        let covered = lines.values().filter(|ran| **ran).count();
        let depth = if name.starts_with("core/") { 3 } else { 2 };
        let area: Vec<&str> = name.split('/').take(depth).collect();
        for key in [area.join("/"), "total".to_owned()] {
            let sum = areas.entry(key).or_default();
            *sum = (sum.0 + covered, sum.1 + lines.len());
        }
        if missing && covered < lines.len() {
            let not = lines.iter().filter(|(_, ran)| !**ran).map(|(line, _)| format!(" {line}"));
            ui::out(&format!("{name}:{}", not.collect::<String>()));
        }
    }
    for (area, (covered, lines)) in areas {
        let tenths = 1000 * covered / lines.max(1);
        ui::out(&format!("{area:<36} {covered:>6} of {lines:>6} lines {:>4}.{} %", tenths / 10, tenths % 10));
    }
}
