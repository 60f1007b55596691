//! `cargo xtask mail`: shows mails.

use anyhow::Result;
use clap::Subcommand;

use super::openapi::generate;
use crate::checkout::Checkout;
use crate::{previews, ui};

/// The subcommands of `mail`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Write all mails with example data to .local/mail-preview/, in every language.
    Preview,
}

pub fn run(action: &Action) -> Result<()> {
    let checkout = Checkout::find()?;
    match action {
        Action::Preview => {
            let folder = checkout.root().join(".local/mail-preview");
            let index = previews::write(&folder, &generate(&checkout, "mails")?)?;
            ui::out(&index.display().to_string());
        }
    }
    Ok(())
}
