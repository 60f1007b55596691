//! The commands that bring the functions to AWS.

pub mod build;
pub mod deploy;
pub mod place;
pub mod release;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use self::place::Place;
use crate::delivery::aws::Choices;
use crate::delivery::compile::Linker;

// Its documentation would become the first line of `cargo xtask --help`, so it has none.
#[derive(Debug, Subcommand)]
pub enum Deliver {
    /// Build all functions at once, into the folder that `sam build` would write.
    ///
    /// `sam deploy`, `sam local invoke` and `cargo xtask deploy` use this folder. It prints the time and
    /// the size of each zip. It needs cargo-lambda.
    Build {
        /// Build for arm64, the default of the template. Otherwise for x86_64.
        #[arg(long)]
        arm64: bool,
        /// Build only these functions, for example users-me. The others stay as they are in the folder.
        #[arg(long, value_name = "NAME", num_args = 1..)]
        only: Vec<String>,
        /// What links the functions.
        #[arg(long, value_enum, default_value = "zig")]
        linker: Linker,
    },
    /// List the releases of a stack; let another release be live within seconds.
    ///
    /// Each deployment is a release: a version of each function, behind the alias `live`.
    Release {
        #[command(subcommand)]
        action: release::Action,
    },
    /// Check, build, migrate, update a stack on AWS, and call its API.
    ///
    /// ENVIRONMENT is a section of samconfig.toml, for example prod. The migrations run before the
    /// functions change; if one fails, no other function changes. An emulator is used if
    /// AWS_ENDPOINT_URL names one. docs/deploying.md explains each step.
    Deploy {
        #[command(flatten)]
        place: Place,
        /// Deploy this folder, which `cargo xtask build` wrote, and build nothing.
        #[arg(long, value_name = "FOLDER")]
        built: Option<PathBuf>,
        /// Do not ask for a confirmation, whatever confirm_changeset says.
        #[arg(long)]
        yes: bool,
        /// Migrate after the functions have changed, not before. For a database that only the changed
        /// parameters reach. Until then the new functions run on the earlier schema.
        #[arg(long)]
        migrate_last: bool,
        /// Sign up and sign in as a new user afterwards. The user stays.
        #[arg(long)]
        sign_up: bool,
        /// What links the functions.
        #[arg(long, value_enum, default_value = "zig")]
        linker: Linker,
    },
}

/// Runs a command.
pub fn run(command: Deliver) -> Result<ExitCode> {
    match command {
        Deliver::Build { arm64, only, linker } => build::run(&only, arm64, linker)?,
        Deliver::Deploy { place, built, yes, migrate_last, sign_up, linker } => {
            deploy::run(&place, Choices { built, yes, migrate_last, sign_up, linker })?;
        }
        Deliver::Release { action } => release::run(&action)?,
    }
    Ok(ExitCode::SUCCESS)
}
