//! `cargo xtask down`: ends what `up` started, in the foreground or not, whole or half.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use crate::checkout::Checkout;
use crate::stack::postgres::Postgres;
use crate::stack::state::State;
use crate::stack::{self, DEV, mailbox, tracing};
use crate::ui;

pub fn run(delete_data: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    let folder = checkout.state_dir(DEV)?;
    match State::load(&folder) {
        Some(state) => ui::step("stopping", || stop(&checkout, &folder, &state))?,
        None => {
            // No state is known, but processes of a killed command may still run.
            stack::end(&checkout, DEV, &State::default())?;
            ui::say("nothing is running here");
        }
    }
    if delete_data {
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().context("`cargo xtask up` is starting, so its data stays; stop it first")?;
        Postgres::delete(&checkout, DEV)?;
        let _ = fs::remove_dir_all(mailbox::folder(&folder));
        let _ = fs::remove_dir_all(tracing::folder(&folder));
        ui::say("deleted the data of Postgres, the mails and the traces");
    }
    Ok(())
}

fn stop(checkout: &Checkout, folder: &Path, state: &State) -> Result<()> {
    // A command in the foreground ends its stack itself.
    if let Some(owner) = state.owner.as_ref().filter(|owner| owner.alive()) {
        owner.signal(Signal::SIGTERM);
        if !owner.wait_gone(Duration::from_secs(20)) {
            bail!(
                "`cargo xtask up` (process {}) did not stop within 20 s; kill it and try again",
                owner.pid()
            );
        }
    }
    // What is left. After `--detach` that is everything.
    stack::end(checkout, DEV, &State::load(folder).unwrap_or_default())
}
