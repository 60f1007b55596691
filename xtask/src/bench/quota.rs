//! As much of a processor as a memory setting buys, by a control group: Lambda gives a function of
//! 1,769 MB one whole processor, and a smaller one its share of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

const WHOLE: f64 = 1_769.0;
/// The system renews the share every 20 ms.
const PERIOD: u64 = 20_000;

/// A group of processes with a share of a processor; gone when this is dropped.
pub(super) struct Quota(PathBuf);

impl Quota {
    /// # Errors
    /// Where the system has no control groups, or does not let this user make one.
    pub(super) fn new(memory: u32) -> Result<Self> {
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
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
            .context("cannot move the process into its control group")
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
