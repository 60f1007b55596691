//! The log lines that a test's own thread writes.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use app_core::telemetry;
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log lines since it was made. It takes them until it is dropped.
pub struct Captured {
    lines: Lines,
    _guard: DefaultGuard,
}

impl Captured {
    /// Takes the lines of this level and above from now on.
    pub fn at(level: LevelFilter) -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        Self { lines, _guard: telemetry::capture(level, move || writer.clone()) }
    }

    /// Returns the lines until now.
    pub fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().expect("no panic").clone()).expect("text")
    }

    /// Stops, and returns the captured lines.
    pub fn finish(self) -> String {
        self.text()
    }
}
