//! The port to the mail server. Its bodies: `SmtpMailer`, `LogMailer` where no server is configured,
//! and `MemoryMailer` for tests.
//!
//! Mail cannot take part in a transaction, so a mail leaves at least once. Its id is the same however
//! often it is sent: mailboxes recognise a repetition by the Message-ID that is made from it.

mod log;
#[cfg(feature = "testing")]
mod memory;
mod smtp;
#[cfg(test)]
mod tests;

use std::fmt;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::domain::{Error, Result, users::MailAddress};

pub use log::LogMailer;
#[cfg(feature = "testing")]
pub use memory::MemoryMailer;
pub use smtp::SmtpMailer;

/// A trait because the world is outside.
pub trait Mailer: Send + Sync {
    /// Returns when the server has taken the mail, which is not yet when it is in the mailbox.
    ///
    /// # Errors
    /// `Unavailable` when the server cannot be reached within ten seconds, refuses the login or the sender,
    /// or replies "later" (4xx); `Configuration` for a wrong URL; `Validation` when the server refuses this
    /// mail permanently, naming `recipient` or `mail`.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>>;
}

/// A mail to one person, as text and as HTML.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same for each sending of this mail: a task takes its own id.
    pub id: Uuid,
    pub to: MailAddress,
    body: Body,
}

/// What a mail says. Lines end in `\n`.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    pub subject: String,
    pub text: String,
    /// Says the same. Mail programs choose one of the two.
    pub html: String,
}

/// Code points. Mail programs show fewer.
const MAX_SUBJECT: usize = 200;

impl Mail {
    /// # Errors
    /// `Validation` for a subject that is empty, longer than 200 characters or more than one line:
    /// a line break in it would begin a header of somebody else's making.
    pub fn new(id: Uuid, to: MailAddress, body: Body) -> Result<Self> {
        let subject = &body.subject;
        if subject.trim().is_empty() || subject.contains(char::is_control) {
            return Err(Error::invalid("subject", "format"));
        }
        if subject.chars().count() > MAX_SUBJECT {
            return Err(Error::invalid("subject", "too_long"));
        }
        Ok(Self { id, to, body })
    }

    pub fn subject(&self) -> &str {
        &self.body.subject
    }

    pub fn text(&self) -> &str {
        &self.body.text
    }

    pub fn html(&self) -> &str {
        &self.body.html
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("to", &self.to).field("body", &self.body).finish()
    }
}

/// Without the text, which may hold a link that signs in.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("subject", &self.subject).finish_non_exhaustive()
    }
}
