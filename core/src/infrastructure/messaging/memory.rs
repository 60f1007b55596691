//! The bus in memory, for tests: keeps what was sent, can be cut off, and can dislike messages.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Bus, Outgoing, Queue, Sent};
use crate::domain::{Error, Result};

#[derive(Debug, Default)]
pub struct MemoryBus {
    sent: Mutex<Vec<Outgoing>>,
    down: AtomicBool,
    disliked: Mutex<Option<&'static str>>,
}

impl MemoryBus {
    /// From now on nothing gets through, or everything again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// From now on messages with this in their body are refused.
    pub fn refuse(&self, part: Option<&'static str>) {
        *self.disliked.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = part;
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
    fn send<'a>(&'a self, _: Queue, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Sent>> {
        async move {
            self.check()?;
            let disliked = *self.disliked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut response = Sent::default();
            for message in messages {
                if disliked.is_some_and(|part| message.body.contains(part)) {
                    response.refused.push((message.id, "disliked by a test".to_owned()));
                } else {
                    sent.push(message.clone());
                    response.accepted.push(message.id);
                }
            }
            Ok(response)
        }
        .boxed()
    }

    fn ping(&self, _: Queue) -> BoxFuture<'_, Result<()>> {
        async move { self.check() }.boxed()
    }
}
