//! The datagrams that a receiver has kept, one file each.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Span, otlp};

/// What a folder of datagrams holds.
#[derive(Debug, Default)]
pub struct Stored {
    pub spans: Vec<Span>,
    /// How many datagrams could not be read, and why the last one could not.
    pub unreadable: usize,
    pub reason: Option<String>,
}

/// Reads all datagrams of a folder, the oldest first. A folder that is missing has none.
#[must_use]
pub fn read(folder: &Path) -> Stored {
    Follower::new(folder.to_path_buf()).read()
}

/// Reads a folder from where it last stopped.
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    last: String,
}

impl Follower {
    /// Begins with the oldest datagram.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, last: String::new() }
    }

    /// Begins behind the newest datagram.
    #[must_use]
    pub fn at_the_end(folder: PathBuf) -> Self {
        let mut follower = Self::new(folder);
        follower.last = follower.names().pop().unwrap_or_default();
        follower
    }

    /// Returns what came since the last call.
    pub fn read(&mut self) -> Stored {
        let mut stored = Stored::default();
        for name in self.names() {
            // The receiver may have removed it.
            let Ok(bytes) = fs::read(self.folder.join(&name)) else { continue };
            match otlp::spans(&bytes) {
                Ok(spans) => stored.spans.extend(spans),
                Err(error) => {
                    stored.unreadable += 1;
                    stored.reason = Some(error.to_string());
                }
            }
            self.last = name;
        }
        stored
    }

    /// Returns the names of the files behind the last one. Names sort by time.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_new = |name: &String| {
            !name.starts_with('.') && name.ends_with(".udp") && name.as_str() > self.last.as_str()
        };
        let mut names: Vec<String> = names.filter(is_new).collect();
        names.sort();
        names
    }
}
