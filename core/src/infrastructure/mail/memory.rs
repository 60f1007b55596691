//! The mailbox of tests: keeps what was sent, and can be told to fail.

use std::sync::{Mutex, PoisonError};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Mail, Mailer};
use crate::domain::{Error, Result};

#[derive(Debug, Default)]
pub struct MemoryMailer(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sent: Vec<Mail>,
    failures: usize,
}

impl MemoryMailer {
    /// The next so many sendings find no server.
    pub fn fail(&self, times: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failures = times;
    }

    /// What was sent since the last call.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).sent)
    }
}

impl Mailer for MemoryMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>> {
        async move {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.failures > 0 {
                state.failures -= 1;
                return Err(Error::unavailable("mail", "cut off by a test"));
            }
            state.sent.push(mail.clone());
            Ok(())
        }
        .boxed()
    }
}
