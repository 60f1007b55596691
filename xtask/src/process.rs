//! Processes that outlive a command: starting, recognising and ending them.
//!
//! A process id alone is not proof: ids are reused. An [`Identity`] is the id together with the
//! moment the process started, so that nothing is ever signalled that we did not start.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::interrupt;

/// Where an instrumented program writes what it ran; only `cargo xtask coverage` sets it.
pub const PROFILE: &str = "LLVM_PROFILE_FILE";

/// What a program must get of this command's environment for its coverage to count; mostly nothing.
pub fn profile() -> Option<(&'static str, OsString)> {
    std::env::var_os(PROFILE).map(|file| (PROFILE, file))
}

/// A process we started: its id, and when it started as the system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pid: i32,
    started: String,
}

impl Identity {
    /// The process that runs this code.
    pub fn of_self() -> Result<Self> {
        Self::of(std::process::id())
    }

    /// A process that is there. One that has ended is there until its parent has waited for it.
    fn of(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).context("the process id exceeds the limit of the system")?;
        let Seen { started, .. } =
            look(pid).with_context(|| format!("there is no process {pid} any more; repeat the command"))?;
        Ok(Self { pid, started })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn alive(&self) -> bool {
        look(self.pid).is_some_and(|seen| !seen.ended && seen.started == self.started)
    }

    /// Asks the process to end and waits; after `grace` it and its children are killed.
    pub fn stop(&self, signal: Signal, grace: Duration) {
        if !self.alive() {
            return;
        }
        let _ = kill(Pid::from_raw(self.pid), signal);
        if self.wait_gone(grace) {
            return;
        }
        // It leads its own process group (see `start`), so this reaches its children as well.
        let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        let _ = self.wait_gone(Duration::from_secs(2));
    }

    /// Sends the signal to this process and does not wait.
    pub fn signal(&self, signal: Signal) {
        if self.alive() {
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// Waits until the process is gone; false if it still runs after `limit`.
    #[must_use]
    pub fn wait_gone(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.alive() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

/// Starts a long-running process apart from the terminal: Ctrl-C and a closed terminal do not
/// reach it, its output goes to `log`.
pub fn start(command: &mut Command, log: &Path) -> Result<(Child, Identity)> {
    let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let identity = Identity::of(child.id())?;
    Ok((child, identity))
}

/// Waits for a command in the foreground and passes a SIGTERM on to it. The terminal sends it Ctrl-C
/// directly.
pub fn wait(mut child: Child) -> Result<ExitStatus> {
    let mut passed_on = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::requested() && !passed_on {
            passed_on = true;
            let _ = kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for what [`start`] started. After `limit`, or when the developer wants it to end, it and
/// its children are killed; then there is no status.
pub fn finish(child: &mut Child, identity: &Identity, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if interrupt::requested() || Instant::now() >= deadline {
            let _ = killpg(Pid::from_raw(identity.pid), Signal::SIGKILL);
            child.wait()?;
            interrupt::check()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The running processes whose command line, word by word, is of the wanted form.
pub fn find(wanted: impl Fn(&[String]) -> bool) -> Vec<Identity> {
    let running = command_lines().into_iter().filter(|(_, words)| wanted(words));
    running.filter_map(|(pid, _)| Identity::of(u32::try_from(pid).ok()?).ok()).collect()
}

/// Ends every process whose program lies in `folder`; `names` picks some, empty means all.
///
/// Only our own stacks have programs there. A killed emulator leaves them running, and a rebuilt
/// function replaces them.
pub fn end_programs_in(folder: &Path, names: &[String]) {
    let found = find(|words| {
        let program = words.first().map(Path::new);
        let name = program.and_then(|program| program.file_name()?.to_str());
        program.and_then(Path::parent) == Some(folder)
            && name.is_some_and(|name| names.is_empty() || names.iter().any(|wanted| wanted == name))
    });
    for process in &found {
        process.signal(Signal::SIGTERM);
    }
    for process in &found {
        if !process.wait_gone(Duration::from_secs(1)) {
            process.signal(Signal::SIGKILL);
        }
    }
}

/// What the system says of a process.
struct Seen {
    /// It has ended, and its parent has not waited for it yet.
    ended: bool,
    /// When it started, in the system's own notation.
    started: String,
}

/// Looks for a process by its id.
fn look(pid: i32) -> Option<Seen> {
    if Path::new("/proc/self/stat").exists() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses and may hold spaces.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ended = matches!(*fields.first()?, "Z" | "X");
        return Some(Seen { ended, started: (*fields.get(19)?).to_owned() });
    }
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (state, started) = line.split_once(' ')?;
    Some(Seen { ended: state.starts_with('Z'), started: started.trim().to_owned() })
}

/// Process id and command line of what runs on this machine.
fn command_lines() -> Vec<(i32, Vec<String>)> {
    if let Ok(entries) = std::fs::read_dir("/proc") {
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        return pids
            .filter_map(|pid: i32| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
                let words = line.split(|byte| *byte == 0);
                Some((pid, words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()))
            })
            .collect();
    }
    let Ok(output) = Command::new("ps").args(["-Ao", "pid=,command="]).output() else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (pid, words) = line.trim().split_once(' ')?;
            Some((pid.parse().ok()?, words.split_whitespace().map(str::to_owned).collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_and_not_by_its_id_alone() -> Result<()> {
        let me = Identity::of_self()?;
        assert!(me.alive());
        let impostor = Identity { started: "1".to_owned(), ..me };
        assert!(!impostor.alive());
        Ok(())
    }

    #[test]
    fn a_program_that_ends_before_anybody_looks_has_its_status() -> Result<()> {
        let mut child = Command::new("true").spawn()?;
        let stat = format!("/proc/{}/stat", child.id());
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let identity = Identity::of(child.id())?;
        assert!(!identity.alive());
        let status = finish(&mut child, &identity, Duration::from_secs(10))?;
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
        Ok(())
    }

    #[test]
    fn a_process_that_ignores_the_request_is_killed() -> Result<()> {
        let log = std::env::temp_dir().join(format!("xtask-process-{}", std::process::id()));
        let mut stubborn = Command::new("/bin/sh");
        stubborn.args(["-c", "trap '' TERM; while :; do sleep 0.1; done"]);
        let (mut child, identity) = start(&mut stubborn, &log)?;
        std::thread::sleep(Duration::from_millis(100));
        identity.stop(Signal::SIGTERM, Duration::from_millis(200));
        assert!(!identity.alive());
        child.wait()?;
        std::fs::remove_file(log)?;
        Ok(())
    }
}
