//! The command line of `cargo xtask`: its commands and their help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    assets, bench, coverage, database_ca, deny, down, env, fuzz, invoke, keys, lint, logs, migrate, mutants,
    new, openapi, outbox, passwords, queue, remove, requirements, sbom, tasks, template, test, up, users,
};
use crate::ui;

/// The project's commands. `up` runs everything on this machine; `test` runs all tests.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine: Postgres, API, functions and queues. Ctrl-C stops it.
    ///
    /// The first run installs tools into .local/ and builds, which takes minutes. Later runs take
    /// seconds. Postgres keeps its data between runs; the AWS emulator starts empty.
    ///
    /// The variable DATABASE_URL (postgres://user:password@host:port/database) replaces the
    /// embedded Postgres. Its user then takes the roles administrator, migrator, app and operations.
    Up {
        /// Return when everything is ready and leave it running; `down` stops it.
        #[arg(long, conflicts_with = "watch")]
        detach: bool,
        /// Rebuild and restart the functions whose sources change.
        #[arg(long)]
        watch: bool,
    },
    /// Stop what `up` started, also after a crash.
    Down {
        /// Also delete the data of the embedded Postgres, so that the next `up` starts empty.
        #[arg(long)]
        delete_data: bool,
    },
    /// Print the addresses of the running stack as KEY=VALUE lines.
    ///
    /// To set them as variables of a shell: set -a; eval "$(cargo xtask env)"; set +a
    Env,
    /// Show the logs of the functions, including failed starts and timeouts.
    Logs {
        /// Show only this function, for example users-me.
        function: Option<String>,
        /// Keep running and show new lines.
        #[arg(short, long)]
        follow: bool,
        /// Show the functions of the last `cargo xtask test` instead of those of `up`.
        #[arg(long)]
        test: bool,
    },
    /// Run one function on one event and print its response. Logs go to stderr.
    ///
    /// The function gets the settings of the running stack. If no stack runs, it gets the settings
    /// of .env.example that this shell sets, and the database of DATABASE_URL or DB_HOST.
    Invoke {
        /// The function, for example users-me.
        function: String,
        /// Read the event from this file instead of events/FUNCTION.json.
        #[arg(short, long)]
        event: Option<PathBuf>,
    },
    /// Apply, revert or list migrations, or create a new one.
    ///
    /// The database is the one of DATABASE_URL, otherwise the one of DB_HOST, DB_PORT, DB_NAME,
    /// DB_USER and DB_PASSWORD, otherwise the one of the running stack.
    Migrate {
        #[command(subcommand)]
        action: migrate::Action,
    },
    /// Find the root certificate for DB_SSL_ROOT_CERT and print it as PEM.
    ///
    /// Connects to the database with TLS and verifies its certificate and host name, as a function
    /// does. Prints the one root certificate that verifies them, because the environment of a
    /// function holds 4 KB. Without --bundle it tries Amazon's public roots, which RDS Proxy uses.
    DatabaseCa {
        /// The database, as HOST or HOST:PORT.
        address: String,
        /// Read the provider's root certificates from this PEM file. For RDS, download
        /// https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem.
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Show queues and dead letters; send dead letters again or delete them.
    ///
    /// The queues are those of --stack-name, otherwise those of EVENTS_QUEUE_URL, EVENTS_DLQ_URL,
    /// TASKS_QUEUE_URL and TASKS_DLQ_URL, otherwise those of the running stack.
    Queue {
        #[command(subcommand)]
        action: queue::Action,
        /// Use the CloudFormation stack of this name on AWS, with the credentials, profile and region
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// Show messages that wait to be sent; release or delete parked messages.
    ///
    /// The database is the one of DATABASE_URL, otherwise the one of DB_HOST and the other DB_
    /// variables, otherwise the one of the stack, reached through its function `operations`.
    Outbox {
        #[command(subcommand)]
        action: outbox::Action,
        /// Use the CloudFormation stack of this name on AWS, with the credentials, profile and region
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// List background tasks; retry or cancel them.
    ///
    /// The database is found in the same way as for `outbox`. The audit log records each retry and
    /// each cancellation.
    Tasks {
        #[command(subcommand)]
        action: tasks::Action,
        /// Use the CloudFormation stack of this name on AWS, with the credentials, profile and region
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// Grant and revoke roles, which also makes the first administrator; check stored addresses.
    ///
    /// The database is found in the same way as for `outbox`. A change takes effect at the user's
    /// next request, and the audit log records it.
    Users {
        #[command(subcommand)]
        action: users::Action,
        /// Use the CloudFormation stack of this name on AWS, with the credentials, profile and region
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// Replace the key that signs tokens, in steps that sign nobody out.
    Keys {
        #[command(subcommand)]
        action: keys::Action,
    },
    /// Download Swagger UI and ReDoc, which the function `docs` serves, into functions/docs/assets/.
    ///
    /// Other commands do this automatically. In a fresh clone, run it once before a plain
    /// `cargo build` or `sam build`.
    Assets,
    /// Add missing entries of two public rankings to the list of common passwords.
    Passwords,
    /// Run all tests against a separate stack, which is removed at the end.
    ///
    /// It can run at the same time as `up`.
    Test {
        /// Pass these arguments to cargo test, for example -- -p app-core, or -- NAME_OF_A_TEST.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Put each fault of tests/mutants/ into a copy of the project and expect its test to fail.
    ///
    /// A test that still passes does not cover the fault. The copy and its build stay in
    /// .local/mutants/, so that the next run builds only what has changed.
    Mutants {
        /// Try only these mutants, by file name without .toml. The default is all.
        names: Vec<String>,
        /// Try only mutants whose own file, edited files or test file changed since this commit.
        ///
        /// Changes that are not committed count too.
        #[arg(long, value_name = "COMMIT")]
        since: Option<String>,
    },
    /// Measure time, memory and size, and compare each with the minimum possible cost.
    ///
    /// Without a subcommand it measures everything except `memory`. The first build takes a minute
    /// for each function. docs/performance.md explains the figures.
    Bench {
        #[command(subcommand)]
        what: Option<bench::What>,
    },
    /// Test with generated input for a chosen time; `test` does the same for a moment.
    ///
    /// All but `api` run libFuzzer, which needs a C++ compiler. It keeps inputs that reach new code in
    /// .local/fuzz/TARGET/ for the next run, and inputs that break something in
    /// .local/fuzz/TARGET.found/.
    Fuzz {
        #[command(subcommand)]
        what: fuzz::What,
    },
    /// Run all tests and print how many lines of core/ and functions/ they ran.
    ///
    /// Functions that run as processes count, including killed ones. Test code does not count.
    ///
    /// It needs LLVM's tools. `rustup component add llvm-tools` installs them; otherwise, on Linux
    /// x86_64, it downloads a package of 95 MB into .local/. Editors can read the counts of each line
    /// from .local/coverage/lcov.info.
    Coverage {
        /// Also print the numbers of the lines that no test ran.
        #[arg(long)]
        missing: bool,
    },
    /// Check formatting, clippy's lints, generated documents, house rules and dependencies.
    Lint,
    /// Check licences, bans and sources of all dependencies against deny.toml.
    ///
    /// `lint` runs this too, without `advisories`. `advisories` looks for known vulnerabilities. It
    /// downloads the database from GitHub, and it can fail without a change in this project.
    Deny {
        /// Run only these checks. The default is licenses, bans and sources.
        checks: Vec<deny::Check>,
    },
    /// Write the lock files of Python packages: NAME.txt from each NAME.in, with hashes.
    ///
    /// Run it after you change a `.in` file in xtask/python/ or in a folder of tests/. It needs a
    /// package index. Packages that are already locked keep their version.
    Requirements,
    /// Write a bill of materials (SBOM) for each function: CycloneDX 1.6, JSON.
    ///
    /// It lists the packages that are linked into the function. Packages that are only used during
    /// its build have the scope `excluded`. The paths of the documents go to stdout.
    Sbom {
        /// Write only the documents of these functions, for example users-me. The default is all.
        functions: Vec<String>,
        /// Use the dependencies of this target, for example x86_64-unknown-linux-gnu.
        #[arg(long, value_name = "TRIPLE", default_value = sbom::TARGET)]
        target: String,
        /// Write the documents into this folder instead of target/sbom.
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
    },
    /// Add an endpoint, a migration or a permission, with the tests and documents that follow.
    New {
        #[command(subcommand)]
        what: new::What,
    },
    /// Remove what `new` has added.
    Remove {
        #[command(subcommand)]
        what: remove::What,
    },
    /// Write template.yaml from template.base.yaml and functions/*/function.yaml.
    ///
    /// Run it after you change one of them. Do not edit template.yaml itself. It also writes the list of
    /// endpoints in catalogue/Cargo.toml.
    Template {
        /// Write nothing, and fail if template.yaml or the list is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Write docs/openapi.json, docs/messages.json and the table in docs/routes.md from the code.
    Openapi {
        /// Write nothing, and fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
}

/// Returns the names of all commands, for example `up`, for the test of docs/commands.md.
#[must_use]
pub fn command_names() -> Vec<String> {
    Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The help of a command or of one of its options.
#[derive(Debug)]
pub struct Help {
    /// For example `queue list` or `queue list --json`.
    pub name: String,
    /// The whole help, with its first line first; empty if there is none.
    pub text: String,
    pub is_command: bool,
}

/// Returns the help of all commands and options, for the test that reads it.
#[must_use]
pub fn help() -> Vec<Help> {
    let mut found = Vec::new();
    Arguments::command().get_subcommands().for_each(|command| collect_help(command, "", &mut found));
    found
}

fn collect_help(command: &clap::Command, above: &str, found: &mut Vec<Help>) {
    let name = format!("{above}{}", command.get_name());
    let text = command.get_long_about().or_else(|| command.get_about());
    let text = text.map(ToString::to_string).unwrap_or_default();
    found.push(Help { name: name.clone(), text, is_command: true });
    for argument in command.get_arguments() {
        let text = argument.get_long_help().or_else(|| argument.get_help());
        let text = text.map(ToString::to_string).unwrap_or_default();
        let option =
            argument.get_long().map_or_else(|| argument.get_id().to_string(), |long| format!("--{long}"));
        found.push(Help { name: format!("{name} {option}"), text, is_command: false });
    }
    command.get_subcommands().for_each(|command| collect_help(command, &format!("{name} "), found));
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            ui::report(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up { detach, watch } => up::run(detach, watch)?,
        Command::Down { delete_data } => down::run(delete_data)?,
        Command::Env => env::run()?,
        Command::Logs { function, follow, test } => logs::run(function, follow, test)?,
        Command::Invoke { function, event } => return invoke::run(&function, event),
        Command::Keys { action } => return keys::run(&action),
        Command::Migrate { action } => migrate::run(&action)?,
        Command::DatabaseCa { address, bundle } => database_ca::run(&address, bundle.as_deref())?,
        Command::Queue { action, stack_name } => return queue::run(&action, stack_name.as_deref()),
        Command::Tasks { action, stack_name } => return tasks::run(&action, stack_name.as_deref()),
        Command::Outbox { action, stack_name } => return outbox::run(&action, stack_name.as_deref()),
        Command::Users { action, stack_name } => users::run(&action, stack_name.as_deref())?,
        Command::Assets => assets::run()?,
        Command::Passwords => passwords::run()?,
        Command::Test { arguments } => return test::run(&arguments),
        Command::Mutants { names, since } => return mutants::run(&names, since.as_deref()),
        Command::Bench { what } => return bench::run(what.as_ref()),
        Command::Fuzz { what } => return fuzz::run(&what),
        Command::Coverage { missing } => return coverage::run(missing),
        Command::Lint => lint::run()?,
        Command::Deny { checks } => deny::run(&checks)?,
        Command::Requirements => requirements::run()?,
        Command::Sbom { functions, target, output } => sbom::run(&functions, &target, output.as_deref())?,
        Command::New { what } => new::run(&what)?,
        Command::Remove { what } => remove::run(&what)?,
        Command::Template { check } => template::run(check)?,
        Command::Openapi { check } => openapi::run(check)?,
    }
    Ok(ExitCode::SUCCESS)
}
