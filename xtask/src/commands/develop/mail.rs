//! `cargo xtask mail`: shows what the local stack sent, and examples of all mails.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::openapi::generate;
use crate::checkout::Checkout;
use crate::operator::message::{age, one_line, plain};
use crate::python::Python;
use crate::stack::mailbox::{self, Mail};
use crate::stack::{DEV, TEST};
use crate::{previews, ui};

/// The subcommands of `mail`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Write all mails with example data to .local/mail-preview/, in every language.
    Preview,
}

/// Which mail is shown, and how.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Show the text of this mail: its number in the list.
    pub number: Option<usize>,
    /// Open the mail in a browser. Without a number it is the newest one.
    #[arg(long)]
    pub open: bool,
    /// Print JSON with every header and both forms.
    #[arg(long)]
    pub json: bool,
    /// Show the mails of the last `cargo xtask test` instead of those of `up`.
    #[arg(long)]
    pub test: bool,
}

pub fn run(action: Option<&Action>, show: &Show) -> Result<()> {
    let checkout = Checkout::find()?;
    match action {
        Some(Action::Preview) => {
            let folder = checkout.root().join(".local/mail-preview");
            let index = previews::write(&folder, &generate(&checkout, "mails")?)?;
            ui::out(&index.display().to_string());
            Ok(())
        }
        None => look(&checkout, show),
    }
}

fn look(checkout: &Checkout, show: &Show) -> Result<()> {
    let folder = mailbox::folder(&checkout.state_dir(if show.test { TEST } else { DEV })?);
    let mut mails = mailbox::read(&Python::ready(checkout)?, &folder)?;
    if let Some(number) = show.number {
        let place = number.checked_sub(1).filter(|place| *place < mails.len());
        let place =
            place.with_context(|| format!("there is no mail {number}; `cargo xtask mail` lists them"))?;
        mails = vec![mails.swap_remove(place)];
    }
    if show.json {
        ui::out(&serde_json::to_string_pretty(&mails)?);
        return Ok(());
    }
    match &mails[..] {
        [] => ui::say("the stack has sent no mail yet"),
        [.., mail] if show.open => open(&folder, mail)?,
        [mail] if show.number.is_some() => print(mail),
        mails => mails.iter().enumerate().for_each(|(place, mail)| list(place + 1, mail)),
    }
    Ok(())
}

fn list(number: usize, mail: &Mail) {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let (ago, to) = (age(now.saturating_sub(mail.at) as f64), mail.to.join(", "));
    ui::out(&format!("{number:>3} {ago:>8} {} {}", plain(&to), plain(mail.header("Subject"))));
}

fn print(mail: &Mail) {
    for name in ["From", "To", "Subject", "Date", "Message-ID"] {
        ui::out(&format!("{name}: {}", plain(mail.header(name))));
    }
    ui::out("");
    for line in mail.text.as_deref().unwrap_or_default().lines() {
        ui::out(&one_line(line));
    }
}

fn open(folder: &Path, mail: &Mail) -> Result<()> {
    let page = mailbox::page(folder, mail)?;
    ui::out(&page.display().to_string());
    ui::open(&page)
}
