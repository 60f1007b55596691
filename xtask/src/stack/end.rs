//! Ending a stack, also one that a killed command left behind.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::state::State;
use super::{bin_dir, emulator, mailbox, postgres, tracing};
use crate::checkout::Checkout;
use crate::process;

/// Ends what a state names and what else of the stack may be left, and forgets the state.
///
/// A command that was killed may have started more than it could note; each server's command
/// line names the stack's folder, so that it is found nevertheless.
pub fn end(checkout: &Checkout, name: &str, state: &State) -> Result<()> {
    let folder = checkout.state_dir(name)?;
    let grace = Duration::from_secs(6);
    let emulators = process::find(|words| emulator::is_of(words, &folder));
    for emulator in state.emulator.iter().chain(&emulators) {
        emulator.stop(Signal::SIGTERM, grace);
    }
    process::end_programs_in(&bin_dir(&folder), &[]);
    let mailboxes = process::find(|words| mailbox::is_of(words, &folder));
    for mailbox in state.mailbox.iter().map(|mailbox| &mailbox.identity).chain(&mailboxes) {
        mailbox.stop(Signal::SIGTERM, grace);
    }
    let receivers = process::find(|words| tracing::is_of(words, &folder));
    for receiver in state.traces.iter().map(|receiver| &receiver.identity).chain(&receivers) {
        receiver.stop(Signal::SIGTERM, grace);
    }
    let data = postgres::data_dirs(checkout, name)?;
    let servers = process::find(|words| postgres::is_of(words, &data));
    for server in state.postgres.iter().chain(&servers) {
        // SIGINT is Postgres's own "fast" shutdown: it does not wait for clients.
        server.stop(Signal::SIGINT, grace);
    }
    let _ = fs::remove_dir_all(folder.join("emulator"));
    let _ = fs::remove_file(folder.join("state.json"));
    Ok(())
}
