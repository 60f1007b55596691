//! `cargo xtask assets`: what a plain `cargo build` needs and the repository does not have.

use anyhow::Result;

use crate::assets;
use crate::checkout::Checkout;
use crate::ui;

pub fn run() -> Result<()> {
    assets::ready(&Checkout::find()?)?;
    ui::say("functions/docs/assets/ is up to date");
    Ok(())
}
