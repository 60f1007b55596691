//! `cargo xtask docs`: builds the documentation site.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::{site, ui};

pub fn run(open: bool) -> Result<()> {
    let page = site::build(&Checkout::find()?)?;
    ui::out(&page.display().to_string());
    if open { ui::open(&page) } else { Ok(()) }
}
