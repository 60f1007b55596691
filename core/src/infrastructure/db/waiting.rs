//! Whether a connection still owes an answer.
//!
//! A caller that gives up on a statement drops its future; the server goes on with it, and whatever
//! is asked next on that connection waits behind it. Such a connection is not used again.

use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub struct Waiting(AtomicUsize);

impl Waiting {
    /// A question is on its way. Dropped without `answered`, it stays open: nobody waits any more.
    pub(super) fn ask(&self) -> Question<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Question(&self.0)
    }

    pub(super) fn given_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[must_use]
pub(super) struct Question<'a>(&'a AtomicUsize);

impl Question<'_> {
    pub(super) fn answered(self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
