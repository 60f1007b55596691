//! The phones of tests: keeps what was sent, and can be told to fail.

use std::sync::{Mutex, PoisonError};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Sms, SmsSender};
use crate::domain::{Error, Result};

#[derive(Debug, Default)]
pub struct MemorySender(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sms>,
    failures: usize,
}

impl MemorySender {
    /// The next so many sendings find no service.
    pub fn fail(&self, times: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failures = times;
    }

    /// What was sent since the last call.
    pub fn take(&self) -> Vec<Sms> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).sent)
    }
}

impl SmsSender for MemorySender {
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<()>> {
        async move {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.failures > 0 {
                state.failures -= 1;
                return Err(Error::unavailable("sms", "cut off by a test"));
            }
            state.sent.push(sms.clone());
            Ok(())
        }
        .boxed()
    }
}
