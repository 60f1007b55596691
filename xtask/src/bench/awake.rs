//! Processors that stay awake while something is measured.

use std::fs;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::python::Python;
use crate::ui;

/// While this lives, no processor goes to sleep: see `xtask/python/awake.py` for why. Where it cannot be
/// had, it says so, and times spread more.
#[derive(Debug)]
pub struct Awake(Vec<Child>);

impl Awake {
    pub fn keep(python: &Python) -> Result<Self> {
        let mut awake = Self(Vec::new());
        if let Some(reason) = hindrance() {
            ui::say(&format!(
                "the times will vary more, because the processors may sleep between requests: {reason}"
            ));
            return Ok(awake);
        }
        for which in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let mut command = Command::new(python.program());
            command.arg(python.script("awake.py")).arg(which.to_string());
            let child = command.stdin(Stdio::null()).spawn();
            awake.0.push(child.context("cannot start awake.py, which keeps the processors awake")?);
        }
        Ok(awake)
    }
}

fn hindrance() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return Some("only Linux has a lowest priority that keeps them awake at no cost");
    }
    // Of both versions of control groups. What stays awake would use up what is measured.
    let quota =
        |file: &str| fs::read_to_string(file).unwrap_or_default().split(' ').next().map(str::to_owned);
    let limited = |text: String| text.trim().parse::<i64>().is_ok_and(|micros| micros > 0);
    let limits = ["/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"];
    let any = limits.into_iter().filter_map(quota).any(limited);
    any.then_some("this container may use only a share of them")
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
