//! What `cargo xtask new` writes and `cargo xtask remove` takes away. Each kind has a file here that returns a
//! [`plan::Plan`]; the commands apply it.

pub mod catalogue;
mod checks;
pub mod endpoint;
pub mod event;
pub mod migration;
mod names;
pub mod permission;
pub mod plan;
pub mod project;
mod rust;
mod spec;
pub mod task;
mod texts;
pub mod undo;

use std::fs;

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;

fn read(checkout: &Checkout, file: &str) -> Result<String> {
    fs::read_to_string(checkout.root().join(file)).with_context(|| format!("cannot read {file}"))
}
