//! `cargo xtask build`: builds the functions for AWS Lambda.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::delivery::build::build;
use crate::delivery::compile::{Linker, Target};
use crate::interrupt;

pub fn run(only: &[String], arm64: bool, linker: Linker) -> Result<()> {
    interrupt::note()?;
    let checkout = Checkout::find()?;
    build(&checkout, only, Target { arm64, linker })?;
    Ok(())
}
