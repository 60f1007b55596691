//! The bus in memory, for tests: keeps what was sent, and can be cut off.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::{Bus, Outgoing, Queue};
use crate::domain::{Error, Result};

#[derive(Debug, Default)]
pub struct MemoryBus {
    sent: Mutex<Vec<Outgoing>>,
    down: AtomicBool,
}

impl MemoryBus {
    /// From now on nothing gets through, or everything again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// What was sent since the last call.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn check(&self) -> Result<()> {
        if self.down.load(Ordering::SeqCst) {
            Err(Error::unavailable("queue", "cut off by a test"))
        } else {
            Ok(())
        }
    }
}

impl Bus for MemoryBus {
    fn send<'a>(&'a self, _: Queue, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Vec<Uuid>>> {
        async move {
            self.check()?;
            self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(messages);
            Ok(messages.iter().map(|m| m.id).collect())
        }
        .boxed()
    }

    fn ping(&self, _: Queue) -> BoxFuture<'_, Result<()>> {
        async move { self.check() }.boxed()
    }
}
