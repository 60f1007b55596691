//! Text messages, most of them with a code. Their sentences are in the files of the languages, next to those of mails.

use super::Code;

/// A text message with its data.
#[derive(Debug, Clone)]
pub enum TextMessage {
    /// Proves a phone number.
    ConfirmPhone { code: Code },
    /// Signs in.
    SignIn { code: Code },
    /// Somebody signed up with the number, which has this account.
    AccountExists,
}

impl TextMessage {
    pub(super) fn code(&self) -> Option<&Code> {
        match self {
            Self::ConfirmPhone { code } | Self::SignIn { code } => Some(code),
            Self::AccountExists => None,
        }
    }
}
