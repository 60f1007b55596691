//! `cargo xtask env`: the running stack's addresses, for a shell or another program.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::stack::{self, DEV};
use crate::ui;

pub fn run() -> Result<()> {
    for (key, value) in stack::running(&Checkout::find()?, DEV)?.variables() {
        ui::out(&format!("{key}={value}"));
    }
    Ok(())
}
