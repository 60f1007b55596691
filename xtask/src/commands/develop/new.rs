//! `cargo xtask new`: writes the files of something new, and the lines that follow from it.

use std::fs;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{openapi, template};
use crate::assets;
use crate::checkout::Checkout;
use crate::generate::spec::Endpoint;
use crate::generate::undo::Undo;
use crate::generate::{catalogue, migration, permission};
use crate::interrupt;
use crate::ui;

/// What to add to the project.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Add an endpoint: a function with its route, and a test that passes.
    ///
    /// Writes the folder functions/NAME with its test, and a sample event. Then generates template.yaml,
    /// the list of endpoints and the documents. If a step fails, no file is changed.
    Endpoint {
        /// The name of the function, for example orders-create.
        name: String,
        /// Method and path, for example "POST /api/v1/orders/".
        route: String,
        /// Who may call it: public, signed-in, or a permission such as users:read.
        #[arg(long = "as", value_name = "WHO")]
        access: String,
        /// Accept an Idempotency-Key, so that a client can repeat a request safely.
        #[arg(long)]
        idempotent: bool,
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
}

pub fn run(what: &What) -> Result<()> {
    interrupt::note()?;
    let checkout = Checkout::find()?;
    let mut undo = Undo::in_checkout(checkout.root());
    match what {
        What::Endpoint { name, route, access, idempotent } => {
            let endpoint = Endpoint::new(&checkout, name, route, access, *idempotent)?;
            write(&mut undo, &endpoint.files()?)?;
            documents(&checkout, &mut undo)?;
            decide(&endpoint.decisions(&checkout));
            let module = name.replace('-', "_");
            ui::heading("Test");
            ui::say(&format!("cargo xtask test -- -p app-tests --test api functions::{module}"));
        }
        What::Migration { name } => {
            write(&mut undo, &migration::empty(&checkout, name)?)?;
            decide(&["the statements of both files; `cargo xtask migrate up` applies them".to_owned()]);
        }
        What::Permission { word, allows } => {
            write(&mut undo, &permission::add(&checkout, word, allows)?)?;
            documents(&checkout, &mut undo)?;
            decide(&["which roles have it besides admin: add them to the migration".to_owned()]);
        }
    }
    undo.keep();
    Ok(())
}

/// Writes files, and says which.
pub(super) fn write(undo: &mut Undo, files: &[(String, String)]) -> Result<()> {
    for (file, text) in files {
        undo.write(file, text)?;
        ui::say(&format!("wrote {file}"));
    }
    Ok(())
}

/// Prints what only a person can decide.
fn decide(decisions: &[String]) {
    ui::heading("Decide");
    for (number, decision) in decisions.iter().enumerate() {
        ui::say(&format!("{}. {decision}", number + 1));
    }
}

/// Generates what follows from functions and catalogue.
pub(super) fn documents(checkout: &Checkout, undo: &mut Undo) -> Result<()> {
    for file in ["Cargo.lock", catalogue::FILE, "template.yaml"] {
        undo.remember(file);
    }
    for (_, file) in openapi::DOCUMENTS {
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

pub(super) fn read(checkout: &Checkout, file: &str) -> Result<String> {
    fs::read_to_string(checkout.root().join(file)).with_context(|| format!("cannot read {file}"))
}
