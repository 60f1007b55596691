//! The operator's commands: the database, queues, tasks, users and keys of a stack, here or on AWS.

pub mod audit;
pub mod database_ca;
pub mod database_roles;
pub mod keys;
pub mod migrate;
pub mod outbox;
pub mod queue;
pub mod tasks;
pub mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

// Its documentation would become the first line of `cargo xtask --help`, so it has none.
#[derive(Debug, Subcommand)]
pub enum Operate {
    /// Apply, revert or list migrations, or create a new one.
    ///
    /// The database is the one of DATABASE_URL, otherwise the one of DB_HOST, DB_PORT, DB_NAME,
    /// DB_USER and DB_PASSWORD, otherwise the one of the running stack.
    Migrate {
        #[command(subcommand)]
        action: migrate::Action,
    },
    /// Delete rows of the audit log from before a day.
    ///
    /// The function `migrate` of the stack deletes them, in as many calls as it takes. It refuses a day whose
    /// rows the table audit_retention keeps. The audit log records each call.
    AuditPrune {
        /// The day (UTC) of the first rows that stay, for example 2025-01-31.
        before: String,
        /// The CloudFormation stack on AWS, with the credentials, profile and region of this shell.
        #[arg(long, value_name = "NAME")]
        stack_name: String,
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
    /// Make the roles of a stack's database, or bring them up to date.
    ///
    /// The function `migrate` runs migrations/roles.sql as the administrator. It needs the parameter
    /// AdministratorSecretArn of the stack. A secret without a value gets a new password; a password that
    /// works stays. `cargo xtask deploy` does the same before it migrates.
    DatabaseRoles {
        /// The CloudFormation stack on AWS, with the credentials, profile and region of this shell.
        #[arg(long, value_name = "NAME")]
        stack_name: String,
        /// Give each role a new password. A function whose login is refused reads its secret again.
        #[arg(long)]
        rotate: bool,
        /// The server belongs to this project alone: the roles lose access to the databases postgres and
        /// template1. Only a superuser can do this.
        #[arg(long)]
        whole_server: bool,
    },
    /// Show queues and dead letters; send dead letters again or delete them.
    ///
    /// The queues are those of --stack-name, otherwise those of EVENTS_QUEUE_URL, EVENTS_DLQ_URL and the
    /// same variables of TASKS and MAIL, otherwise those of the running stack.
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
}

/// Runs a command.
pub fn run(command: Operate) -> Result<ExitCode> {
    match command {
        Operate::Migrate { action } => migrate::run(&action)?,
        Operate::DatabaseCa { address, bundle } => database_ca::run(&address, bundle.as_deref())?,
        Operate::AuditPrune { before, stack_name } => audit::prune(&before, &stack_name)?,
        Operate::DatabaseRoles { stack_name, rotate, whole_server } => {
            database_roles::run(&stack_name, rotate, whole_server)?;
        }
        Operate::Queue { action, stack_name } => return queue::run(&action, stack_name.as_deref()),
        Operate::Outbox { action, stack_name } => return outbox::run(&action, stack_name.as_deref()),
        Operate::Tasks { action, stack_name } => return tasks::run(&action, stack_name.as_deref()),
        Operate::Users { action, stack_name } => users::run(&action, stack_name.as_deref())?,
        Operate::Keys { action } => return keys::run(&action),
    }
    Ok(ExitCode::SUCCESS)
}
