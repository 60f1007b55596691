//! `cargo xtask remove`: takes away what `cargo xtask new` has written.

use anyhow::Result;
use clap::Subcommand;

use super::new::carry_out;
use crate::checkout::Checkout;
use crate::generate::{domain, endpoint, event, migration, permission, task};

/// What to remove from the project.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Remove a domain that `new domain` has written, with its endpoints and its migration.
    Domain {
        /// The name, for example orders.
        name: String,
        /// Remove it although its files have changed since.
        #[arg(long)]
        force: bool,
    },
    /// Remove an endpoint that `new endpoint` has written: its folder and its sample events.
    Endpoint {
        /// The name of the function, for example orders-create.
        name: String,
        /// Remove it although its files have changed since.
        #[arg(long)]
        force: bool,
    },
    /// Remove an event that `new event` has written, with its handler.
    Event {
        /// The folder in core/src/domain/ and the name, for example orders/order_placed.
        #[arg(value_name = "DOMAIN/NAME")]
        name: String,
        /// Remove it although its files have changed since.
        #[arg(long)]
        force: bool,
    },
    /// Remove a migration to which nothing has been written.
    Migration {
        /// The name of the migration without its number, for example add_orders.
        name: String,
    },
    /// Remove a permission that `new permission` has written, and its migration.
    Permission {
        /// The word in roles, for example orders:write.
        word: String,
    },
    /// Remove a background task that `new task` has written: its file, its test, its lines.
    Task {
        /// The name of the task, for example count-orders.
        name: String,
        /// Remove it although its files have changed since.
        #[arg(long)]
        force: bool,
    },
}

pub fn run(what: &What) -> Result<()> {
    let checkout = Checkout::find()?;
    let plan = match what {
        What::Domain { name, force } => domain::remove(&checkout, name, *force)?,
        What::Endpoint { name, force } => endpoint::remove(&checkout, name, *force)?,
        What::Event { name, force } => event::remove(&checkout, name, *force)?,
        What::Migration { name } => migration::remove(&checkout, name)?,
        What::Permission { word } => permission::remove(&checkout, word)?,
        What::Task { name, force } => task::remove(&checkout, name, *force)?,
    };
    carry_out(&checkout, &plan)
}
