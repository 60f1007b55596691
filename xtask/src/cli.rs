//! The command line: what there is, and its help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    assets, bench, coverage, database_ca, deny, down, env, fuzz, invoke, keys, lint, logs, migrate, mutants,
    openapi, outbox, passwords, queue, requirements, sbom, tasks, test, up, users,
};
use crate::ui;

/// The developer's commands. `up` runs everything on this machine; `test` tests it.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole topology here: Postgres, API, functions, queues. Ctrl-C stops it.
    ///
    /// The first time it installs its tools into .local/ and builds, which takes minutes; after
    /// that seconds. Postgres keeps its data between runs, the AWS emulator starts empty.
    /// The variable DATABASE_URL (postgres://user:password@host:port/database) replaces the
    /// embedded Postgres; its user is then administrator, migrator, app and operations in one.
    Up {
        /// Return when everything answers; `down` stops it.
        #[arg(long, conflicts_with = "watch")]
        detach: bool,
        /// Rebuild and restart the functions whose sources change.
        #[arg(long)]
        watch: bool,
    },
    /// Stop what `up` started, whatever state it is in.
    Down {
        /// Also remove the embedded Postgres's data, so that the next `up` begins empty.
        #[arg(long)]
        delete_data: bool,
    },
    /// Print the addresses of what `up` started, as KEY=VALUE lines.
    ///
    /// In a shell: set -a; eval "$(cargo xtask env)"; set +a
    Env,
    /// Show what the functions print, readably, failed starts and timeouts included.
    Logs {
        /// Only this function, as in users-me.
        function: Option<String>,
        /// Stay, and show what comes.
        #[arg(short, long)]
        follow: bool,
        /// The functions of the last `cargo xtask test` instead.
        #[arg(long)]
        test: bool,
    },
    /// Run one function on one event, without Docker: the answer on stdout, its logs on stderr.
    ///
    /// Its settings are those of the running stack. Without one they come from this command's
    /// own environment: DATABASE_URL or DB_HOST, and the settings of .env.example.
    Invoke {
        /// The function, as in users-me.
        function: String,
        /// The event's file; events/FUNCTION.json if it is not given.
        #[arg(short, long)]
        event: Option<PathBuf>,
    },
    /// Apply migrations, take them back, list them, or begin a new one.
    ///
    /// The database is that of DATABASE_URL, else that of DB_HOST, DB_PORT, DB_NAME, DB_USER and
    /// DB_PASSWORD, else that of the running stack.
    Migrate {
        #[command(subcommand)]
        action: migrate::Action,
    },
    /// Find the certificate for DB_SSL_ROOT_CERT, and print it as PEM.
    ///
    /// Asks the database for TLS, and verifies its certificate and host name as a function will. The
    /// root that verifies them is printed: one certificate, because a function's environment holds
    /// 4 KB. Without a bundle only Amazon's public roots are tried, which is right behind RDS Proxy.
    DatabaseCa {
        /// The database, as HOST or HOST:PORT.
        address: String,
        /// The provider's root certificates (PEM). RDS: the bundle of your region from
        /// https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem.
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Look into the queues and their dead-letter queues, and put dead letters back or delete them.
    ///
    /// They are those of --stack-name, else those of EVENTS_QUEUE_URL, EVENTS_DLQ_URL and the like,
    /// else those of the running stack.
    Queue {
        #[command(subcommand)]
        action: queue::Action,
        /// A stack on AWS, by its name in CloudFormation; credentials, profile and region are those
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// Look at the messages that wait to be sent, and set parked ones free or delete them.
    ///
    /// The database is that of DATABASE_URL, else that of DB_HOST and the like, else that of the
    /// stack, which is asked through its function `operations`.
    Outbox {
        #[command(subcommand)]
        action: outbox::Action,
        /// A stack on AWS, by its name in CloudFormation; credentials, profile and region are those
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// List background tasks, and retry or cancel them.
    ///
    /// The database is found as by `outbox`. The audit log has each retry and each cancellation.
    Tasks {
        #[command(subcommand)]
        action: tasks::Action,
        /// A stack on AWS, by its name in CloudFormation; credentials, profile and region are those
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// Give roles to users and take them away: this makes the first administrator.
    ///
    /// The database is found as by `outbox`. A change counts at the user's next request and stands
    /// in the audit log.
    Users {
        #[command(subcommand)]
        action: users::Action,
        /// A stack on AWS, by its name in CloudFormation; credentials, profile and region are those
        /// of this shell.
        #[arg(long, global = true, value_name = "NAME")]
        stack_name: Option<String>,
    },
    /// Replace the key that signs tokens, step by step, without signing anyone out.
    Keys {
        #[command(subcommand)]
        action: keys::Action,
    },
    /// Fetch Swagger UI and ReDoc, which the function `docs` serves, into functions/docs/assets/.
    ///
    /// The other commands do that by themselves; a plain `cargo build`, or `sam build`, in a fresh
    /// clone needs it once before.
    Assets,
    /// Add to the list of common passwords what is missing of two public rankings.
    Passwords,
    /// Run all tests against a stack of their own, which ends with them.
    ///
    /// It can run beside `up`. Arguments after -- go to cargo test.
    Test {
        /// For cargo test, as in -- -p app-core, or -- name_of_a_test.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Put each fault of tests/mutants/ into a copy of the project, and expect its test to fail.
    ///
    /// A test that still passes does not cover the fault. The copy and its build stay in
    /// .local/mutants/, so that the next run builds only what has changed.
    Mutants {
        /// Only these, by the names of their files without .toml; all if none is given.
        names: Vec<String>,
        /// Only mutants whose own file, edited files or test file have changed since this commit.
        ///
        /// Changes that are not committed count too.
        #[arg(long, value_name = "COMMIT")]
        since: Option<String>,
    },
    /// Measure what the product costs above its floor, in one run on a database of its own.
    ///
    /// Without a word behind it: all but `memory`. The first build takes a minute for each function.
    /// docs/performance.md says how to read the figures.
    Bench {
        #[command(subcommand)]
        what: Option<bench::What>,
    },
    /// Try to break it with made-up input, for as long as you like; `test` does so for a moment.
    Fuzz {
        #[command(subcommand)]
        what: fuzz::What,
    },
    /// Run all tests and print how many lines of core/ and functions/ they ran.
    ///
    /// Functions that run as processes count, killed ones included. Test code does not count.
    /// Needs LLVM's tools: those of the toolchain (`rustup component add llvm-tools`), else, on
    /// Linux x86_64, a package of 95 MB that is installed into .local/. The counts by line are left
    /// in .local/coverage/lcov.info, which editors read.
    Coverage {
        /// Also print the numbers of the lines that no test ran.
        #[arg(long)]
        missing: bool,
    },
    /// Check the formatting, clippy's lints, the generated documents and the rules of the house.
    Lint,
    /// Check licences, bans and sources of all dependencies against deny.toml. `lint` does it, too.
    ///
    /// `advisories` looks for known vulnerabilities; it needs GitHub, which has the database, and is
    /// not part of `lint`: an advisory comes without a change of ours.
    Deny {
        /// Only these; licenses, bans and sources if none is given.
        checks: Vec<deny::Check>,
    },
    /// Write the lock files of Python packages: NAME.txt from each NAME.in, with hashes.
    ///
    /// Run it after a change of a `.in` file, in xtask/python/ or in a folder of tests/. It needs a package
    /// index. What is locked already stays at its version.
    Requirements,
    /// Write a bill of materials (SBOM) for each function: CycloneDX 1.6, JSON.
    ///
    /// It lists the packages that are linked into the function, and with the scope `excluded` those
    /// that only take part in its build. The paths of the documents go to stdout.
    Sbom {
        /// Only these, as in users-me; all if none is given.
        functions: Vec<String>,
        /// What they are built for, as in x86_64-unknown-linux-gnu.
        #[arg(long, value_name = "TRIPLE", default_value = sbom::TARGET)]
        target: String,
        /// The folder for the documents; target/sbom if it is not given.
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
    },
    /// Write docs/openapi.json and docs/messages.json from the code.
    Openapi {
        /// Only compare, and fail if the file is out of date.
        #[arg(long)]
        check: bool,
    },
}

/// Returns the names of all commands, as in `up`, for the page that lists them.
#[must_use]
pub fn command_names() -> Vec<String> {
    Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
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
        Command::Openapi { check } => openapi::run(check)?,
    }
    Ok(ExitCode::SUCCESS)
}
