//! `cargo xtask mutants`: puts one fault at a time into a copy of the project, and expects its test to fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;
use crate::interrupt;
use crate::mutants::{self, Mutant, Scratch, Test};
use crate::process;
use crate::stack::{MUTANTS, Stack};
use crate::ui;

/// The first build compiles everything.
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);
/// A fault may make its test wait for ever.
const TEST_LIMIT: Duration = Duration::from_secs(5 * 60);

/// The result of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Green,
    Red,
    /// `test` names no test, so it can never fail.
    NoTest,
    NotCompiled,
    /// It ended without a count of passed and failed tests, or did not end in time.
    NoVerdict,
}

/// The copy, the database, and the folder of builds and logs.
struct Judge {
    stack: Stack,
    copy: Scratch,
}

pub fn run(names: &[String], since: Option<&str>) -> Result<ExitCode> {
    interrupt::note()?;
    let checkout = Checkout::find()?;
    let root = checkout.root();
    let mut mutants = mutants::named(Mutant::all(root)?, names)?;
    if let Some(commit) = since {
        mutants = mutants::since(root, mutants, commit)?;
        ui::say(&format!("{} mutants are affected by the changes since {commit}", mutants.len()));
        if mutants.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    mutants::order(&mut mutants);
    let mut stack = Stack::claim(MUTANTS)?;
    let copy = Scratch::refresh(&stack.checkout, stack.folder.join("checkout"))?;
    fs::create_dir_all(stack.folder.join("logs"))?;
    ui::heading("Starting the mutants stack");
    stack.start_postgres(None)?;
    let mut judge = Judge { stack, copy };
    let good = judge.all(&mutants);
    judge.stack.dispose()?;
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Judge {
    /// Returns whether every mutant makes its test fail.
    fn all(&self, mutants: &[Mutant]) -> Result<bool> {
        let tests = self.without_a_fault(mutants)?;
        ui::heading("With each fault: the test must fail");
        let mut progress = Progress::of(mutants.len());
        let mut bad = Vec::new();
        for mutant in mutants {
            let started = Instant::now();
            let (word, fault) = match tests.get(&mutant.test) {
                Some(Outcome::Green) => self.one(mutant)?,
                _ => ("NOT TRIED", Some("its test fails without the fault; fix the test first".to_owned())),
            };
            progress.line(word, started, &mutant.name);
            if let Some(fault) = fault {
                ui::say(&format!("{}: {fault}", mutant.name));
                ui::say(&format!("the fault: {}", mutant.why));
                bad.push(mutant.name.as_str());
            }
        }
        if bad.is_empty() {
            ui::say(&format!("all {} mutants made their tests fail", mutants.len()));
        } else {
            ui::say(&format!("{} of {} mutants need work: {}", bad.len(), mutants.len(), bad.join(", ")));
        }
        Ok(bad.is_empty())
    }

    /// Runs each test on the project as it is.
    fn without_a_fault(&self, mutants: &[Mutant]) -> Result<BTreeMap<Test, Outcome>> {
        ui::heading("Without a fault: all tests must pass");
        // By test: the first mutant of each names its log.
        let mut first: Vec<&Mutant> = Vec::new();
        for mutant in mutants {
            if !first.iter().any(|other| other.test == mutant.test) {
                first.push(mutant);
            }
        }
        let mut progress = Progress::of(first.len());
        let mut tests = BTreeMap::new();
        for mutant in first {
            let started = Instant::now();
            let name = format!("{}.without", mutant.name);
            let outcome = self.compile_and_run(&name, &mutant.test)?;
            let word = if outcome == Outcome::Green { "green" } else { "NOT GREEN" };
            progress.line(word, started, &format!("cargo test {}", mutant.test));
            if outcome != Outcome::Green {
                ui::say(&self.told(&name, outcome));
            }
            tests.insert(mutant.test.clone(), outcome);
        }
        Ok(tests)
    }

    /// Returns a word for the outcome, and what is wrong with the mutant or with its test.
    fn one(&self, mutant: &Mutant) -> Result<(&'static str, Option<String>)> {
        if let Err(why) = self.copy.check(&mutant.edits) {
            return Ok(("STALE", Some(format!("its edit does not fit the sources. {why:#}"))));
        }
        let outcome = self.copy.with(&mutant.edits, || self.compile_and_run(&mutant.name, &mutant.test))?;
        let fault = (outcome != Outcome::Red).then(|| self.told(&mutant.name, outcome));
        let word = match outcome {
            Outcome::Red => "red",
            Outcome::Green | Outcome::NoTest => "SURVIVED",
            Outcome::NotCompiled | Outcome::NoVerdict => "ERROR",
        };
        Ok((word, fault))
    }

    /// Compiles and runs a test in the copy as it is now.
    fn compile_and_run(&self, name: &str, test: &Test) -> Result<Outcome> {
        // Two steps, because cargo's exit code is the same for a failed test and a failed build.
        let mut build = self.cargo();
        build.args(&test.binary).arg("--no-run");
        let (mut child, identity) = process::start(&mut build, &self.log(name, "build"))?;
        if !process::finish(&mut child, &identity, BUILD_LIMIT)?.is_some_and(|status| status.success()) {
            return Ok(Outcome::NotCompiled);
        }
        let log = self.log(name, "test");
        let (mut child, identity) =
            process::start(self.cargo().args(&test.binary).arg("--").args(&test.filters), &log)?;
        let Some(status) = process::finish(&mut child, &identity, TEST_LIMIT)? else {
            return Ok(Outcome::NoVerdict);
        };
        let (passed, failed) = counts(&fs::read_to_string(&log).context("cannot read the output of cargo")?);
        Ok(match (status.success(), passed, failed) {
            (true, 0, _) => Outcome::NoTest,
            (true, _, _) => Outcome::Green,
            (false, _, 0) => Outcome::NoVerdict,
            (false, _, _) => Outcome::Red,
        })
    }

    fn cargo(&self) -> std::process::Command {
        let target = self.stack.folder.join("target");
        let mut cargo = self.stack.checkout.cargo();
        cargo
            .arg("test")
            .current_dir(&self.copy.folder)
            .envs(self.stack.state.variables())
            .env("TEST_PYTHON", self.stack.python.program())
            .env("BIN_DIR", target.join("debug"))
            .env("CARGO_TARGET_DIR", target);
        cargo
    }

    /// Describes an outcome, and where to read more.
    fn told(&self, name: &str, outcome: Outcome) -> String {
        let (what, step) = match outcome {
            Outcome::Green => ("the test still passes with this fault, so it does not cover it", "test"),
            Outcome::Red => ("the test fails", "test"),
            Outcome::NoTest => ("`test` names no test", "test"),
            Outcome::NotCompiled => ("the copy does not compile", "build"),
            Outcome::NoVerdict => ("the test did not end with a result", "test"),
        };
        format!("{what}; see {}", self.log(name, step).display())
    }

    fn log(&self, name: &str, step: &str) -> PathBuf {
        self.stack.folder.join("logs").join(format!("{name}.{step}.log"))
    }
}

/// One line for each finished step, with the time so far and an estimate of the rest.
struct Progress {
    started: Instant,
    done: u32,
    total: usize,
}

impl Progress {
    fn of(total: usize) -> Self {
        Self { started: Instant::now(), done: 0, total }
    }

    fn line(&mut self, word: &str, started: Instant, what: &str) {
        self.done += 1;
        let so_far = self.started.elapsed();
        let left = self.total.saturating_sub(self.done as usize);
        let rest = so_far / self.done * u32::try_from(left).unwrap_or(u32::MAX);
        let took = format!("{:.1} s", started.elapsed().as_secs_f32());
        let position = format!("{}/{}", self.done, self.total);
        let times = format!("{} so far, about {} left", clock(so_far), clock(rest));
        ui::out(&format!("  {word:<10} {took:>7}  {position:>7}, {times}  {what}"));
    }
}

/// Writes a time as minutes and seconds.
fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// Returns the numbers of passed and failed tests, of all test binaries that ran.
fn counts(said: &str) -> (usize, usize) {
    let mut counts = (0, 0);
    for line in said.lines().filter(|line| line.starts_with("test result:")) {
        let words: Vec<&str> = line.split([' ', ';']).collect();
        for pair in words.windows(2) {
            match (pair[0].parse::<usize>(), pair[1]) {
                (Ok(number), "passed") => counts.0 += number,
                (Ok(number), "failed") => counts.1 += number,
                _ => {}
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_millis(59_999)), "0:59");
        assert_eq!(clock(Duration::from_secs(2 * 60 * 60 + 61)), "121:01");
    }

    #[test]
    fn the_results_of_all_binaries_are_added() {
        let said = "running 3 tests\ntest a ... ok\n\
                    test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.01s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(counts(said), (4, 2));
        assert_eq!(counts("error: could not compile"), (0, 0));
    }
}
