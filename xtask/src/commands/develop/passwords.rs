//! `cargo xtask passwords`: the list of common passwords, from public rankings.

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;
use crate::python::Python;
use crate::{rankings, ui};

pub fn run() -> Result<()> {
    let checkout = Checkout::find()?;
    let rankings = rankings::read(&Python::ready(&checkout)?)?;
    let list = rankings::complete(checkout.root(), &rankings)?;
    std::fs::write(checkout.root().join(rankings::LIST), &list)
        .with_context(|| format!("cannot write {}", rankings::LIST))?;
    ui::say(&format!("{} has {} entries", rankings::LIST, list.lines().count()));
    Ok(())
}
