//! What the developer sees: steps with their time, and errors with what to do next.
//!
//! All of it goes to stderr; stdout carries only what another program may want to read.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

// `eprintln!` panics when nobody reads any more, as in `cargo xtask … 2>&1 | head`.
macro_rules! err {
    ($($text:tt)*) => {{ let _ = write!(std::io::stderr(), $($text)*); }};
}
macro_rules! errln {
    ($($text:tt)*) => {{ let _ = writeln!(std::io::stderr(), $($text)*); }};
}

/// Runs `work` as a named step. On a terminal the seconds tick while it runs.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    if !std::io::stderr().is_terminal() {
        errln!("  {name} …");
        let result = work();
        if result.is_ok() && started.elapsed() >= Duration::from_secs(1) {
            errln!("  {name}: {:.1} s", started.elapsed().as_secs_f32());
        }
        return result;
    }
    let (done, ticks) = mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let ticks = ticks;
            loop {
                err!("\r\x1b[2K  {name} … {:.0} s", started.elapsed().as_secs_f32());
                let _ = std::io::stderr().flush();
                // Ends when `done` is dropped, which is when the work ends, also by a panic.
                if ticks.recv_timeout(Duration::from_secs(1)) != Err(mpsc::RecvTimeoutError::Timeout) {
                    break;
                }
            }
        });
        let done = done;
        let result = work();
        drop(done);
        result
    });
    let mark = if result.is_ok() { "\x1b[32m✓\x1b[0m" } else { "\x1b[31m✗\x1b[0m" };
    errln!("\r\x1b[2K{mark} {name} ({:.1} s)", started.elapsed().as_secs_f32());
    result
}

/// The heading of something that shows its own output, such as a build.
pub fn heading(text: &str) {
    if std::io::stderr().is_terminal() {
        errln!("\x1b[1m▸ {text}\x1b[0m");
    } else {
        errln!("▸ {text}");
    }
}

/// One line about what happened.
pub fn say(text: &str) {
    errln!("  {text}");
}

/// A line on stdout. False when nobody reads it any more.
pub fn out(line: &str) -> bool {
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// A line on stderr, as it is.
pub fn note(line: &str) {
    errln!("{line}");
}

/// Opens a page in the browser of this machine.
///
/// # Errors
/// If no browser could be opened. The path of the page should be on stdout already.
pub fn open(page: &Path) -> Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened = Command::new(program).arg(page).stdin(Stdio::null()).stderr(Stdio::null()).status();
    if !opened.is_ok_and(|status| status.success()) {
        bail!("{program} could not open a browser; open the file above");
    }
    Ok(())
}

/// Prints an error with its causes, outermost first.
pub fn report(error: &anyhow::Error) {
    let mark = if std::io::stderr().is_terminal() { "\x1b[31merror\x1b[0m" } else { "error" };
    errln!("{mark}: {error}");
    for cause in error.chain().skip(1) {
        errln!("  caused by: {cause}");
    }
}
