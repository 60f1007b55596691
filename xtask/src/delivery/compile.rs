//! Compiles functions for AWS Lambda, all of them in one call.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::assets;
use crate::binaries;
use crate::checkout::Checkout;
use crate::process;

/// What links the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Linker {
    /// Zig, for the C library of Lambda. It also links for arm64 on any machine.
    Zig,
    /// The linker of this machine. The C library here must not be newer than Lambda's.
    Cargo,
}

/// For which processor, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub arm64: bool,
    pub linker: Linker,
}

impl Target {
    /// Returns the value of the template's parameter `Architecture`.
    #[must_use]
    pub fn architecture(self) -> &'static str {
        if self.arm64 { "arm64" } else { "x86_64" }
    }

    /// Names the programs that compile and link.
    pub fn compiler(self, checkout: &Checkout) -> Result<String> {
        let rust = version(Command::new("rustc").arg("--version").current_dir(checkout.root()))?;
        let lambda = version(checkout.cargo().args(["lambda", "--version"]))?;
        let linker = match self.linker {
            Linker::Zig => "zig",
            Linker::Cargo => "the linker of this machine",
        };
        Ok(format!("{rust}, {lambda}, linked by {linker}"))
    }

    fn command(self, checkout: &Checkout, functions: &[String]) -> Command {
        let mut cargo = checkout.cargo();
        cargo.args(["lambda", "build", "--release", "--bins"]);
        cargo.arg(if self.arm64 { "--arm64" } else { "--x86-64" });
        if self.linker == Linker::Cargo {
            cargo.args(["--compiler", "cargo"]);
        }
        binaries::by_package(&mut cargo, functions);
        cargo
    }
}

/// Builds functions, output shown. Returns the folder that has a folder with a `bootstrap` for each.
pub fn compile(checkout: &Checkout, functions: &[String], target: Target) -> Result<PathBuf> {
    if functions.iter().any(|function| function == "docs") {
        assets::ready(checkout)?;
    }
    let child = target.command(checkout, functions).spawn().context("cannot run cargo")?;
    if !process::wait(child)?.success() {
        bail!(
            "the build failed; see the messages above. For arm64, run `rustup target add aarch64-unknown-linux-gnu` once"
        );
    }
    Ok(checkout.target_dir()?.join("lambda"))
}

/// Returns the first line that a program prints, or how to install the program.
fn version(command: &mut Command) -> Result<String> {
    let output = command.output().ok().filter(|output| output.status.success());
    let output = output.with_context(
        || "cargo-lambda was not found; install it with `pip install cargo-lambda`, which also brings zig",
    )?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(target: Target) -> Result<Vec<String>> {
        let functions = ["users-get".to_owned(), "users-me".to_owned()];
        let command = target.command(&Checkout::find()?, &functions);
        Ok(command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn one_call_builds_all_by_package() -> Result<()> {
        let all = ["lambda", "build", "--release", "--bins", "--arm64"];
        let packages = ["-p", "users-get", "-p", "users-me"];
        assert_eq!(arguments(Target { arm64: true, linker: Linker::Zig })?, [&all[..], &packages].concat());
        let native = arguments(Target { arm64: false, linker: Linker::Cargo })?;
        assert_eq!(native[4..], [&["--x86-64", "--compiler", "cargo"][..], &packages].concat());
        Ok(())
    }
}
