//! `cargo xtask migrate`: runs the migration runner by hand.

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::binaries;
use crate::checkout::Checkout;
use crate::generate::{migration, undo::Undo};
use crate::migrations::{self, Command, Response};
use crate::stack::database;
use crate::stack::{self, DEV};
use crate::ui;

/// The subcommands of `migrate`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Apply all pending migrations.
    Up,
    /// Revert the last migrations.
    Down {
        /// How many migrations to revert.
        #[arg(default_value_t = 1)]
        steps: u32,
        /// Confirm to revert more than one, which deletes their tables and columns with all data.
        #[arg(long)]
        yes: bool,
    },
    /// List all migrations with their state.
    Status,
    /// Create the two files of a new migration in migrations/.
    New {
        /// The name of the migration, for example add_orders.
        name: String,
    },
}

pub fn run(action: &Action) -> Result<()> {
    let checkout = Checkout::find()?;
    let command = match action {
        Action::New { name } => {
            let mut undo = Undo::in_checkout(checkout.root());
            for (file, text) in &migration::add(&checkout, name)?.written {
                undo.write(file, text)?;
                ui::out(file);
            }
            undo.keep();
            return Ok(());
        }
        Action::Up => Command::Up,
        Action::Down { steps, yes: false } if *steps > 1 => bail!(
            "to revert {steps} migrations deletes their tables and columns with all data; add --yes to confirm"
        ),
        Action::Down { steps, .. } => Command::Down(*steps),
        Action::Status => Command::Status,
    };
    let database = database(&checkout)?;
    let runner = "migrate".to_owned();
    binaries::build(&checkout, std::slice::from_ref(&runner))?;
    let binary = binaries::built(&checkout, &runner)?;
    let response = migrations::run(&binary, &database, &command)?;
    show(&response, &command);
    Ok(())
}

fn show(response: &Response, command: &Command) {
    let did = match command {
        Command::Up => "applied",
        Command::Down(_) => "reverted",
        Command::Status => {
            for migration in &response.migrations {
                let when = migration.applied_at.as_deref().unwrap_or("-");
                ui::out(&format!("{:<8} {:<30} {when}", migration.state, migration.name));
            }
            return;
        }
    };
    for name in &response.changed {
        ui::out(&format!("{did} {name}"));
    }
    if response.changed.is_empty() {
        ui::say("nothing to do");
    }
}

/// DB_HOST and the like of the database that is meant.
fn database(checkout: &Checkout) -> Result<Vec<(String, String)>> {
    let variables = database::of_caller(|database| &database.migrator)?;
    if let Some(variables) = variables {
        return Ok(variables);
    }
    if let Some(database) = stack::running(checkout, DEV).ok().and_then(|state| state.database) {
        return Ok(database.variables(&database.migrator));
    }
    bail!(
        "no database found: run `cargo xtask up`, or set DATABASE_URL=postgres://user:password@host:port/database"
    );
}
