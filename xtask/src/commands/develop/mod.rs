//! The developer's loop: run the product, check it, and generate what follows from the code.

pub mod assets;
pub mod coverage;
pub mod deny;
pub mod docs;
pub mod down;
pub mod env;
pub mod fuzz;
pub mod invoke;
pub mod lint;
pub mod logs;
pub mod mail;
pub mod mutants;
pub mod new;
pub mod openapi;
pub mod passwords;
pub mod remove;
pub mod requirements;
pub mod sbom;
pub mod template;
pub mod test;
pub mod trace;
pub mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

// Its documentation would become the first line of `cargo xtask --help`, so it has none.
#[derive(Debug, Subcommand)]
pub enum Develop {
    /// Run everything on this machine: Postgres, API, functions, queues and mail. Ctrl-C stops it.
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
    /// List the mails that the running stack sent; show one or open it in a browser.
    ///
    /// The stack's mail server keeps them on this machine and delivers none. `preview` writes examples
    /// of all mails.
    #[command(args_conflicts_with_subcommands = true)]
    Mail {
        #[command(subcommand)]
        action: Option<mail::Action>,
        #[command(flatten)]
        show: mail::Show,
    },
    /// Show what a request did and what it caused, with times: statements, events, tasks and mails.
    ///
    /// The running stack receives the spans of its functions and keeps them for 24 hours. Without an id,
    /// the command lists the newest traces.
    Trace {
        #[command(flatten)]
        show: trace::Show,
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
    /// Run all tests against a separate stack, which is removed at the end.
    ///
    /// It can run at the same time as `up`.
    Test {
        /// Pass these arguments to cargo test, for example -- -p app-core, or -- NAME_OF_A_TEST.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check formatting, clippy's lints, generated documents, house rules and dependencies.
    Lint,
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
    /// Check licences, bans and sources of all dependencies against deny.toml.
    ///
    /// `lint` runs this too, without `advisories`. `advisories` looks for known vulnerabilities. It
    /// downloads the database from GitHub, and it can fail without a change in this project.
    Deny {
        /// Run only these checks. The default is licenses, bans and sources.
        checks: Vec<deny::Check>,
    },
    /// Add an endpoint, an event, a task and more, with tests; or rename the product.
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
    /// Build the documentation site: README and the pages of docs/, with a search and checked links.
    ///
    /// The site is in target/site/html and needs no server. The first run compiles mdBook into .local/.
    Docs {
        /// Open the site in a browser.
        #[arg(long)]
        open: bool,
    },
    /// Write docs/openapi.json, docs/messages.json and the generated tables of pages in docs/ from the code.
    Openapi {
        /// Write nothing, and fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
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
    /// Write the lock files of Python packages: NAME.txt from each NAME.in, with hashes.
    ///
    /// Run it after you change a `.in` file in xtask/python/ or in a folder of tests/. It needs a
    /// package index. Packages that are already locked keep their version.
    Requirements,
    /// Download Swagger UI and ReDoc, which the function `docs` serves, into functions/docs/assets/.
    ///
    /// Other commands do this automatically. In a fresh clone, run it once before a plain
    /// `cargo build` or `sam build`.
    Assets,
    /// Add missing entries of two public rankings to the list of common passwords.
    Passwords,
}

/// Runs a command. `commands` are all of them, for the page that lists their options.
pub fn run(command: Develop, commands: &clap::Command) -> Result<ExitCode> {
    match command {
        Develop::Up { detach, watch } => up::run(detach, watch)?,
        Develop::Down { delete_data } => down::run(delete_data)?,
        Develop::Env => env::run()?,
        Develop::Logs { function, follow, test } => logs::run(function, follow, test)?,
        Develop::Mail { action, show } => mail::run(action.as_ref(), &show)?,
        Develop::Trace { show } => trace::run(&show)?,
        Develop::Invoke { function, event } => return invoke::run(&function, event),
        Develop::Test { arguments } => return test::run(&arguments),
        Develop::Lint => lint::run(commands)?,
        Develop::Mutants { names, since } => return mutants::run(&names, since.as_deref()),
        Develop::Fuzz { what } => return fuzz::run(&what),
        Develop::Coverage { missing } => return coverage::run(missing),
        Develop::Deny { checks } => deny::run(&checks)?,
        Develop::New { what } => new::run(&what)?,
        Develop::Remove { what } => remove::run(&what)?,
        Develop::Template { check } => template::run(check)?,
        Develop::Docs { open } => docs::run(open)?,
        Develop::Openapi { check } => openapi::run(check, commands)?,
        Develop::Sbom { functions, target, output } => sbom::run(&functions, &target, output.as_deref())?,
        Develop::Requirements => requirements::run()?,
        Develop::Assets => assets::run()?,
        Develop::Passwords => passwords::run()?,
    }
    Ok(ExitCode::SUCCESS)
}
