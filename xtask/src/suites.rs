//! The compiled test programs, and which of them run at the same time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

/// They keep the processor busy. They run one after another, because they share a database and count who waits for a
/// lock there.
const BUSY: [&str; 4] = ["api", "queue", "repository", "outside"];

/// They measure how long something takes. They run one after another when all others have ended.
const ALONE: [&str; 3] = ["concurrency", "drills", "timing"];

/// A test program, by the name of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    path: PathBuf,
    /// The folder of its package.
    folder: PathBuf,
}

impl Program {
    /// Returns the command that runs it as `cargo test` does.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

/// Returns the test programs among cargo's messages (`--message-format=json`).
#[must_use]
pub fn programs(messages: &str) -> Vec<Program> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let tests = messages.filter(|message| message["profile"]["test"] == true);
    let program = |message: Value| {
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
        let name = message["target"]["name"].as_str()?.to_owned();
        Some(Program { name, path: message["executable"].as_str()?.into(), folder })
    };
    tests.filter_map(program).collect()
}

/// Returns the packages that have tests in their comments, from `cargo metadata`. With `--doc`, cargo would look for
/// them in all packages, which takes a second for each.
#[must_use]
pub fn documented(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let has = |package: &&Value| {
        let targets = package["targets"].as_array().into_iter().flatten();
        targets.into_iter().any(|target| target["doctest"] == true)
    };
    packages.filter(has).filter_map(|package| package["name"].as_str().map(str::to_owned)).collect()
}

/// The order of the programs. Suites that mostly wait run at the same time as suites that compute.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub busy: Vec<Program>,
    pub beside: Vec<Program>,
    pub alone: Vec<Program>,
}

impl Order {
    /// # Errors
    /// Names a suite that is listed above and does not exist.
    pub fn of(programs: Vec<Program>) -> Result<Self> {
        let known = |name: &&str| programs.iter().any(|program| program.name == **name);
        if let Some(name) = BUSY.iter().chain(&ALONE).find(|name| !known(name)) {
            bail!("there is no suite `{name}`; correct the lists in xtask/src/suites.rs");
        }
        let mut order = Self::default();
        for program in programs {
            let name = program.name.as_str();
            let lane = if ALONE.contains(&name) {
                &mut order.alone
            } else if BUSY.contains(&name) {
                &mut order.busy
            } else {
                &mut order.beside
            };
            lane.push(program);
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, test: bool) -> String {
        serde_json::json!({
            "profile": { "test": test }, "executable": format!("/target/{name}"),
            "manifest_path": "/project/tests/Cargo.toml", "target": { "name": name },
        })
        .to_string()
    }

    fn names(programs: &[Program]) -> Vec<&str> {
        programs.iter().map(|program| program.name.as_str()).collect()
    }

    #[test]
    fn every_program_runs_once_and_what_measures_runs_alone() -> Result<()> {
        let all =
            ["api", "concurrency", "crash", "drills", "outside", "queue", "repository", "timing", "one_more"];
        let messages: Vec<_> = all.iter().map(|name| message(name, true)).collect();
        let messages = messages.join("\n") + "\n" + &message("users-me", false) + "\nno json\n";
        let order = Order::of(programs(&messages))?;
        assert_eq!(names(&order.busy), ["api", "outside", "queue", "repository"]);
        assert_eq!(names(&order.beside), ["crash", "one_more"]);
        assert_eq!(names(&order.alone), ["concurrency", "drills", "timing"]);
        assert_eq!(order.alone[0].command().get_current_dir(), Some(Path::new("/project/tests")));
        Ok(())
    }

    #[test]
    fn comments_are_tested_where_they_hold_tests() {
        let package = |name: &str, doctest: bool| serde_json::json!({ "name": name, "targets": [{ "doctest": false }, { "doctest": doctest }] });
        let metadata = serde_json::json!({ "packages": [package("a", true), package("b", false)] });
        assert_eq!(documented(&metadata), ["a"]);
    }

    #[test]
    fn a_listed_suite_that_is_gone_is_named() {
        let refused = Order::of(programs(&message("api", true))).expect_err("must be refused");
        assert!(refused.to_string().contains("there is no suite `queue`"), "{refused}");
    }
}
