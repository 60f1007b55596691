//! `cargo xtask logs`: what the functions of the stack print.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::checkout::Checkout;
use crate::logs::Follower;
use crate::stack::state::State;
use crate::stack::{DEV, TEST, functions_log};
use crate::ui;

pub fn run(function: Option<String>, follow: bool, test: bool) -> Result<()> {
    let checkout = Checkout::find()?;
    let only = function.map(|name| checkout.function(&name)).transpose()?;
    let folder = checkout.state_dir(if test { TEST } else { DEV })?;
    if !functions_log(&folder).exists() {
        let command = if test { "test" } else { "up" };
        bail!("there are no logs yet; run `cargo xtask {command}` first");
    }
    let mut follower = follower(&folder, &State::load(&folder).unwrap_or_default(), only);
    loop {
        for line in follower.read()? {
            if !ui::out(&line) {
                return Ok(());
            }
        }
        if !follow {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A reader of a stack's log that calls functions by the names of their binaries.
#[must_use]
pub fn follower(folder: &Path, state: &State, only: Option<String>) -> Follower {
    let names = state.functions.iter().map(|(binary, about)| (about.name.clone(), binary.clone()));
    Follower::new(functions_log(folder), names.collect(), only)
}
