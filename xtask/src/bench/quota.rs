//! As much of a processor as a memory setting buys, by a control group: Lambda gives a function of
//! 1,769 MB one whole processor, and a smaller one its share of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::run::{Plan, throttled};
use super::world::World;
use crate::interrupt;
use crate::measure::Spread;
use crate::ui;

const WHOLE: f64 = 1_769.0;
const SETTINGS: [u32; 5] = [128, 256, 512, 1_024, 1_769];
/// The share is given anew each 20 ms.
const PERIOD: u64 = 20_000;
/// Between two requests, so that one does not use up the share of the next.
pub(super) const PAUSE: Duration = Duration::from_millis(40);

/// Prices of Lambda on arm64 in US East, in dollars: https://aws.amazon.com/lambda/pricing/
const REQUEST: f64 = 0.20 / 1e6;
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;

/// A group of processes with a share of a processor; gone when this is dropped.
pub(super) struct Quota(PathBuf);

impl Quota {
    /// # Errors
    /// Where the system has no control groups, or does not let this user make one.
    fn new(memory: u32) -> Result<Self> {
        let name = format!("xtask-bench-{}", std::process::id());
        let quota = (PERIOD as f64 * f64::from(memory) / WHOLE).round() as u64;
        // The first version has a tree for each resource, the second one tree.
        let (folder, settings) = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            let folder = Path::new("/sys/fs/cgroup").join(name);
            (folder, vec![("cpu.max", format!("{quota} {PERIOD}"))])
        } else {
            let folder = Path::new("/sys/fs/cgroup/cpu").join(name);
            let settings =
                vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())];
            (folder, settings)
        };
        fs::create_dir_all(&folder)?;
        let made = Self(folder);
        for (file, value) in settings {
            fs::write(made.0.join(file), value)?;
        }
        Ok(made)
    }

    pub(super) fn hold(&self, pid: u32) -> Result<()> {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).context("the process cannot be throttled")
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Prints what a request takes and costs at each memory setting. Init is not throttled, as on Lambda.
pub fn measure(world: &World, folder: &Path, plan: &Plan) -> Result<()> {
    ui::out(&format!(
        "{:<22}{:>8}{:>16}{:>16}{:>12}{:>16}",
        "", "MB", "first, ms", "request, ms", "p99, ms", "$ a million"
    ));
    for function in &plan.only {
        for memory in SETTINGS {
            let quota = Quota::new(memory).context(
                "a memory setting cannot be imitated here: it needs control groups for the processor \
                 (Linux), and the right to make one (root, or a delegated group)",
            )?;
            let (first, requests) = throttled(world, folder, function, &quota, plan)?;
            let warm = Spread::of(requests);
            let billed = (warm.median / 1e3).ceil() / 1e3;
            let dollars = 1e6 * (REQUEST + billed * f64::from(memory) / 1_024.0 * GIGABYTE_SECOND);
            ui::out(&format!(
                "{function:<22}{memory:>8}{:>16.2}{:>16.2}{:>12.2}{dollars:>16.2}",
                first / 1e3,
                warm.median / 1e3,
                warm.p99 / 1e3
            ));
            interrupt::check()?;
        }
    }
    Ok(())
}
