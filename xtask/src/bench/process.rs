//! What the system says of a running process. Only Linux tells another process both.

use std::time::Duration;

/// The processor time it has used so far, all its threads together, user and system.
#[cfg(target_os = "linux")]
pub(super) fn cpu(pid: u32) -> Option<Duration> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
    let clock = nix::time::ClockId::pid_cpu_clock_id(pid).ok()?;
    clock.now().ok().map(Duration::from)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn cpu(_: u32) -> Option<Duration> {
    None
}

/// The most memory it has held at once, in bytes.
pub(super) fn peak_rss(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let before = cpu(std::process::id());
        let mut sum = 0_u64;
        while cpu(std::process::id()) < before.map(|before| before + Duration::from_millis(2)) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0 && before.is_some());
        assert!(peak_rss(std::process::id()).is_some_and(|bytes| bytes > 100_000));
    }
}
