//! Who a mail goes to.

use crate::domain::users::MailAddress;

/// An address, and whether its owner has proved to read it.
#[derive(Debug, Clone)]
pub struct Recipient {
    address: MailAddress,
    is_proved: bool,
}

impl Recipient {
    /// An address that somebody typed. A mail to it never shows another text that a user typed: otherwise
    /// anybody could send their own text to anybody, in our name.
    pub fn unproved(address: MailAddress) -> Self {
        Self { address, is_proved: false }
    }

    /// An address whose owner has used a link or a code that was sent to it.
    pub fn proved(address: MailAddress) -> Self {
        Self { address, is_proved: true }
    }

    pub fn address(&self) -> &MailAddress {
        &self.address
    }

    pub(super) fn is_proved(&self) -> bool {
        self.is_proved
    }
}
