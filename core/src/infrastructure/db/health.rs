//! Whether a connection may be used again.
//!
//! A caller that gives up on a statement drops its future. The server still works on that statement,
//! and the next one would wait behind it. Other connections are of no use because every later statement
//! would fail, for example when the server has become a replica.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::error::spoils_connection;

#[derive(Debug, Default)]
pub struct Health {
    open: AtomicUsize,
    spoiled: AtomicBool,
}

impl Health {
    /// Records that a statement was sent. If the question is dropped without `answered`, the caller has given
    /// up, and the statement counts as open for ever.
    pub(in crate::infrastructure) fn ask(&self) -> Question<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Question(self)
    }

    /// Returns why the connection must not be used again, if it must not.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.spoiled.load(Ordering::Relaxed) {
            return Some("its server refuses all further statements");
        }
        let waiting = self.open.load(Ordering::Relaxed) > 0;
        waiting.then_some("its last statement was cancelled and may still run")
    }
}

#[must_use]
pub(in crate::infrastructure) struct Question<'a>(&'a Health);

impl Question<'_> {
    /// Records the reply and returns it.
    pub(in crate::infrastructure) fn answered<T>(
        self,
        reply: Result<T, tokio_postgres::Error>,
    ) -> Result<T, tokio_postgres::Error> {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        reply.inspect_err(|error| {
            if spoils_connection(error) {
                self.0.spoiled.store(true, Ordering::Relaxed);
            }
        })
    }
}
