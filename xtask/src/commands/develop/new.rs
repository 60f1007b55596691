//! `cargo xtask new`: writes the files of something new, and the lines that follow from it.

use anyhow::Result;
use clap::Subcommand;

use super::{openapi, template};
use crate::assets;
use crate::checkout::Checkout;
use crate::generate::endpoint::Asked;
use crate::generate::plan::Plan;
use crate::generate::undo::Undo;
use crate::generate::{catalogue, domain, endpoint, event, migration, permission, project, task};
use crate::interrupt;
use crate::ui;

/// What to add to the project.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Add a domain: table, entity, event, repository, use case, and an endpoint that creates.
    ///
    /// Each user has their own. docs/adding-a-domain.md explains the files, and what to decide.
    Domain {
        /// Its subject, in the plural, for example orders.
        name: String,
        /// What one of them is called, if NAME is not a regular plural.
        #[arg(long, value_name = "NAME")]
        one: Option<String>,
        /// More endpoints next to the one that creates.
        #[arg(long, value_delimiter = ',', value_name = "ENDPOINTS")]
        with: Vec<domain::Part>,
        /// Write no endpoint, for a domain whose rows a permission or a task creates.
        #[arg(long, conflicts_with = "with")]
        without_endpoint: bool,
    },
    /// Add an endpoint: a function with its route, and a test that passes.
    ///
    /// Writes the folder functions/NAME with its test, and a sample event. Then generates template.yaml,
    /// the list of endpoints and the documents. If a step fails, no file is changed.
    Endpoint {
        /// The name of the function, for example orders-create.
        name: String,
        /// Method and path, for example "POST /api/v1/orders/".
        route: String,
        /// Who may call it: public, signed-in, recent (signed in, with a recent proof of identity), or a permission such as users:read.
        #[arg(long = "as", value_name = "WHO")]
        access: String,
        /// Accept an Idempotency-Key, so that a client can repeat a request safely.
        #[arg(long)]
        idempotent: bool,
        /// List the rows of a domain with filters, order and pages, for example orders.
        #[arg(long, value_name = "DOMAIN")]
        list: Option<String>,
    },
    /// Add an event: its data, a handler in Postgres, its line in the table, a sample and a test.
    Event {
        /// The folder in core/src/domain/ and the name in the past tense, for example orders/order_placed.
        #[arg(value_name = "DOMAIN/NAME")]
        name: String,
    },
    /// Add a migration: two files with the next number.
    Migration {
        /// The name of the migration, for example add_orders.
        name: String,
    },
    /// Add a permission, and a migration that gives it to administrators.
    Permission {
        /// The word in roles, for example orders:write.
        word: String,
        /// What it allows, for example "Change every order".
        allows: String,
    },
    /// Rename the product: title, issuer of the tokens, names of the stacks and of their secrets.
    ///
    /// No file may have changes that are not committed. Packages keep their names, and so do the
    /// database and its logins.
    Project {
        /// The name of its stacks, for example acme-orders.
        name: String,
        /// The name in documents. The default follows from NAME, for example Acme Orders.
        #[arg(long)]
        title: Option<String>,
        /// The setting PROJECT_NAME, which tokens and mails have. The default follows from the title,
        /// for example Acme-Orders.
        #[arg(long)]
        issuer: Option<String>,
    },
    /// Add a background task: its file, its line in the table, and a test with the real worker.
    Task {
        /// The name of the task, for example count-orders.
        name: String,
        /// Send a mail: the task runs in mail-worker, the only function with a mail client.
        #[arg(long)]
        mail: bool,
    },
}

pub fn run(what: &What) -> Result<()> {
    let checkout = Checkout::find()?;
    let plan = match what {
        What::Domain { name, one, with, without_endpoint } => {
            let create = if *without_endpoint { &[][..] } else { &[domain::Part::Create] };
            domain::add(&checkout, name, one.as_deref(), &[create, with].concat())?
        }
        What::Endpoint { name, route, access, idempotent, list } => {
            let (idempotent, list) = (*idempotent, list.as_deref());
            endpoint::add(&checkout, Asked { name, route, access, idempotent, list })?
        }
        What::Event { name } => event::add(&checkout, name)?,
        What::Migration { name } => migration::add(&checkout, name)?,
        What::Permission { word, allows } => permission::add(&checkout, word, allows)?,
        What::Project { name, title, issuer } => {
            project::rename(&checkout, name, title.as_deref(), issuer.as_deref())?
        }
        What::Task { name, mail } => task::add(&checkout, name, *mail)?,
    };
    carry_out(&checkout, &plan)
}

/// Changes the files, and generates what follows from them. If a step fails, no file is changed.
pub(super) fn carry_out(checkout: &Checkout, plan: &Plan) -> Result<()> {
    interrupt::note()?;
    let mut undo = Undo::in_checkout(checkout.root());
    plan.apply(&mut undo)?;
    if plan.documents {
        documents(checkout, &mut undo)?;
    }
    undo.keep();
    plan.say_the_rest();
    Ok(())
}

/// Generates what follows from functions and catalogue.
fn documents(checkout: &Checkout, undo: &mut Undo) -> Result<()> {
    for file in ["Cargo.lock", catalogue::FILE, "template.yaml"] {
        undo.remember(file);
    }
    for file in openapi::files() {
        undo.remember(file);
    }
    assets::ready(checkout)?;
    ui::step("Building, and generating the template and the documents", || {
        catalogue::write(checkout)?;
        template::write(checkout)?;
        openapi::write(checkout)
    })?;
    interrupt::check()
}
