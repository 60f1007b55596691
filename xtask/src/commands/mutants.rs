//! `cargo xtask mutants`: tests that must turn red, on a copy of the project with a fault in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::interrupt;
use crate::mutants::{Mutant, Scratch};
use crate::process;
use crate::stack::{MUTANTS, Stack};
use crate::ui;

/// The first build is one of everything.
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);
/// A fault may make its test wait for ever.
const TEST_LIMIT: Duration = Duration::from_secs(5 * 60);

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Green,
    Red,
    /// The filter matches no test, so that it can never turn red.
    NoTest,
    NotCompiled,
    /// It ended without saying what passed and what failed, or did not end.
    NoVerdict,
}

/// A copy, a database, and the place for what cargo builds and says.
struct Judge {
    stack: Stack,
    copy: Scratch,
}

pub fn run(names: &[String]) -> Result<ExitCode> {
    interrupt::note()?;
    let mut stack = Stack::claim(MUTANTS)?;
    let mutants = chosen(Mutant::all(stack.checkout.root())?, names)?;
    let copy = Scratch::refresh(&stack.checkout, stack.folder.join("checkout"))?;
    fs::create_dir_all(stack.folder.join("logs"))?;
    ui::heading("Starting the mutants stack");
    stack.start_postgres(None)?;
    let mut judge = Judge { stack, copy };
    let good = judge.all(&mutants);
    judge.stack.dispose()?;
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(mut all: Vec<Mutant>, names: &[String]) -> Result<Vec<Mutant>> {
    let known: Vec<String> = all.iter().map(|mutant| mutant.name.clone()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no tests/mutants/{unknown}.patch; there are: {}", known.join(", "));
    }
    all.retain(|mutant| names.is_empty() || names.contains(&mutant.name));
    Ok(all)
}

impl Judge {
    /// Whether every mutant turns its test red.
    fn all(&self, mutants: &[Mutant]) -> Result<bool> {
        ui::heading("Without a patch, where all must be green");
        // By test: the first mutant of each names its log.
        let mut tests: BTreeMap<&[String], (&str, Outcome)> = BTreeMap::new();
        for mutant in mutants {
            if !tests.contains_key(mutant.test.as_slice()) {
                let name = format!("{}.unpatched", mutant.name);
                let (outcome, took) = self.test(&name, &mutant.test)?;
                let word = if outcome == Outcome::Green { "green" } else { "NOT GREEN" };
                ui::out(&format!("  {word:<10} {took:>7}  cargo test {}", mutant.test.join(" ")));
                if outcome != Outcome::Green {
                    ui::say(&self.told(&name, outcome));
                }
                tests.insert(&mutant.test, (&mutant.name, outcome));
            }
        }
        ui::heading("With each patch, where its test must turn red");
        let mut bad = Vec::new();
        for mutant in mutants {
            let fault = match tests.get(mutant.test.as_slice()) {
                Some((_, Outcome::Green)) => self.one(mutant)?,
                _ => {
                    ui::out(&format!("  NOT TRIED  {:>7}  {}", "", mutant.name));
                    Some("its test is not green without it".to_owned())
                }
            };
            if let Some(fault) = fault {
                ui::say(&format!("{}: {fault}", mutant.name));
                ui::say(&format!("the fault is: {}", mutant.why));
                bad.push(mutant.name.as_str());
            }
        }
        if bad.is_empty() {
            ui::say(&format!("{} of {} mutants turned their tests red", mutants.len(), mutants.len()));
        } else {
            ui::say(&format!("{} of {} mutants did not: {}", bad.len(), mutants.len(), bad.join(", ")));
        }
        Ok(bad.is_empty())
    }

    /// What is wrong with a mutant, or with its test.
    fn one(&self, mutant: &Mutant) -> Result<Option<String>> {
        if let Err(why) = self.copy.check(&mutant.patch) {
            ui::out(&format!("  STALE      {:>7}  {}", "", mutant.name));
            return Ok(Some(format!("its patch does not apply any more; refresh it. Git says: {why:#}")));
        }
        let (outcome, took) = self.copy.with(&mutant.patch, || self.test(&mutant.name, &mutant.test))?;
        let word = match outcome {
            Outcome::Red => "red",
            Outcome::Green | Outcome::NoTest => "SURVIVED",
            Outcome::NotCompiled | Outcome::NoVerdict => "ERROR",
        };
        ui::out(&format!("  {word:<10} {took:>7}  {}", mutant.name));
        if outcome == Outcome::Red {
            return Ok(None);
        }
        Ok(Some(self.told(&mutant.name, outcome)))
    }

    /// Compiles and runs a test in the copy as it is now.
    fn test(&self, name: &str, arguments: &[String]) -> Result<(Outcome, String)> {
        let started = Instant::now();
        let outcome = self.compile_and_run(name, arguments)?;
        Ok((outcome, format!("{:.1} s", started.elapsed().as_secs_f32())))
    }

    fn compile_and_run(&self, name: &str, arguments: &[String]) -> Result<Outcome> {
        // Apart, because cargo's exit code for a test that fails is that for one that does not compile.
        let of_cargo: Vec<&String> = arguments.iter().take_while(|word| *word != "--").collect();
        let mut build = self.cargo();
        build.args(of_cargo).arg("--no-run");
        let (mut child, identity) = process::start(&mut build, &self.log(name, "build"))?;
        if !process::finish(&mut child, &identity, BUILD_LIMIT)?.is_some_and(|status| status.success()) {
            return Ok(Outcome::NotCompiled);
        }
        let log = self.log(name, "test");
        let (mut child, identity) = process::start(self.cargo().args(arguments), &log)?;
        let Some(status) = process::finish(&mut child, &identity, TEST_LIMIT)? else {
            return Ok(Outcome::NoVerdict);
        };
        let (passed, failed) = counts(&fs::read_to_string(&log).context("cannot read what cargo said")?);
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

    /// What an outcome means, and where to read more.
    fn told(&self, name: &str, outcome: Outcome) -> String {
        let (what, step) = match outcome {
            Outcome::Green => ("its test stays green: it does not test that", "test"),
            Outcome::Red => ("its test fails", "test"),
            Outcome::NoTest => ("its filter matches no test", "test"),
            Outcome::NotCompiled => ("it does not compile", "build"),
            Outcome::NoVerdict => ("its test did not end with a result", "test"),
        };
        format!("{what}; see {}", self.log(name, step).display())
    }

    fn log(&self, name: &str, step: &str) -> PathBuf {
        self.stack.folder.join("logs").join(format!("{name}.{step}.log"))
    }
}

/// Passed and failed, of all test binaries that ran.
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
    fn the_results_of_all_binaries_are_added() {
        let said = "running 3 tests\ntest a ... ok\n\
                    test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.01s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(counts(said), (4, 2));
        assert_eq!(counts("error: could not compile"), (0, 0));
    }
}
