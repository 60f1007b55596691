//! The port to the service that sends text messages. Its bodies: `SnsSender`, and `MemorySender` for tests.
//!
//! A text message cannot take part in a transaction, so it leaves at least once. A repetition has the same text.

#[cfg(feature = "testing")]
mod memory;
mod sns;

use std::fmt;

use futures_util::future::BoxFuture;

use crate::domain::{Result, mask::Secret, users::Phone};

#[cfg(feature = "testing")]
pub use memory::MemorySender;
pub use sns::SnsSender;

/// A trait because the world is outside.
pub trait SmsSender: Send + Sync {
    /// Returns when the service has taken the message, which is not yet when it is on the phone.
    ///
    /// # Errors
    /// `Unavailable` when the service cannot be reached within five seconds or refuses for now. `Validation` naming
    /// `recipient` when it refuses this number permanently.
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<()>>;
}

/// A text message to one phone number.
#[derive(Clone)]
pub struct Sms {
    pub to: Phone,
    /// It holds a code.
    text: Secret<String>,
}

impl Sms {
    pub fn new(to: Phone, text: String) -> Self {
        Self { to, text: Secret::new(text) }
    }

    pub fn text(&self) -> &str {
        self.text.expose()
    }
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("to", &self.to).finish_non_exhaustive()
    }
}
