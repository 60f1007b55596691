//! Clients that call at the same time, and processes that stay on some processors.

use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
#[cfg(target_os = "linux")]
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use crate::bench::world::{Settings, World};
use crate::runtime_api::Function;

/// How long a process may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a process that handles so many requests at once.
pub(super) fn spawn(world: &World, folder: &Path, name: &str, at_once: usize) -> Result<Function> {
    let mut settings: Settings = world.settings.clone();
    if at_once > 1 {
        settings.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), at_once.to_string()));
    }
    let mut function = Function::spawn(&folder.join(name), &settings)?;
    match function.ready(PATIENCE)? {
        None => Ok(function),
        Some(outcome) => bail!("it did not start: {outcome:?}\n  {}", function.logs().join("\n  ")),
    }
}

/// Lets all clients call so often at the same time. Returns how long each call took, in microseconds.
pub(super) fn at_once<C: FnMut() -> Result<Duration> + Send>(
    calls: &mut [C],
    each: usize,
) -> Result<Vec<f64>> {
    let times = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let running: Vec<_> = calls
            .iter_mut()
            .map(|call| {
                let times = &times;
                scope.spawn(move || {
                    let own = (0..each).map(|_| call()).collect::<Result<Vec<_>>>()?;
                    let micros = own.into_iter().map(|took| took.as_secs_f64() * 1e6);
                    times.lock().map_err(|_| anyhow::anyhow!("another client failed"))?.extend(micros);
                    Ok(())
                })
            })
            .collect();
        running.into_iter().try_for_each(|client| match client.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a client panicked"),
        })
    })?;
    times.into_inner().map_err(|_| anyhow::anyhow!("a client failed"))
}

/// Runs `spawn` on so many processors. What it spawns stays there, and this thread does not.
pub(super) fn on_processors<T: Send>(number: usize, spawn: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let spawned = scope.spawn(move || {
            stay_on(number)?;
            spawn()
        });
        spawned.join().unwrap_or_else(|_| bail!("the thread that spawns it panicked"))
    })
}

#[cfg(target_os = "linux")]
fn stay_on(number: usize) -> Result<()> {
    let mut processors = CpuSet::new();
    for processor in 0..number.min(thread::available_parallelism().map_or(1, usize::from)) {
        processors.set(processor)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &processors)?)
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) -> Result<()> {
    bail!("only Linux keeps a process on some processors; run this benchmark there")
}
