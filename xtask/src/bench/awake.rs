//! Processors that stay awake while something is measured.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::python::Python;

/// Longer than any measurement; they end with us anyway.
const SECONDS: u32 = 1_800;

/// While this lives, no processor goes to sleep: see `xtask/python/awake.py` for why. Not so where a
/// process cannot be given a priority below all others (macOS).
#[derive(Debug)]
pub struct Awake(Vec<Child>);

impl Awake {
    pub fn keep(python: &Python) -> Result<Self> {
        let mut awake = Self(Vec::new());
        for which in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let mut command = Command::new(python.program());
            command.arg(python.script("awake.py")).args([which.to_string(), SECONDS.to_string()]);
            let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
            awake.0.push(child.context("cannot keep the processors awake")?);
        }
        Ok(awake)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
