//! Ctrl-C and SIGTERM: a wish that commands look at, so that they end what they started.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C does not end this process but is noted.
pub fn note() -> Result<()> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed)).context("cannot watch for Ctrl-C")
}

/// Whether the developer wants it to end.
#[must_use]
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// An error once the developer wants it to end.
pub fn check() -> Result<()> {
    if requested() {
        bail!("interrupted; everything that was started is stopped");
    }
    Ok(())
}
