//! THE TABLE of mails: each with its data.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::values::{Code, Factor, Field, KeyId, LinkToken, Typed};
use crate::domain::users::MaskedHandle;

/// Declares the mails. A field of a type that is not a [`Field`] does not compile.
macro_rules! templates {
    ($($(#[$about:meta])* $name:ident { $($field:ident: $type:ty),* },)+) => {
        /// A mail with its data.
        #[derive(Debug, Clone)]
        pub enum Template {
            $($(#[$about])* $name { $($field: $type),* },)+
        }

        impl Template {
            /// Returns one example of each mail, with its name.
            pub fn samples() -> Vec<(&'static str, Self)> {
                vec![$((stringify!($name), Self::$name { $($field: <$type as Field>::sample()),* })),+]
            }
        }
    };
}

templates! {
    /// Greets a new user.
    Welcome {},
    /// Proves an address. Without a code where nobody could send it back in time.
    VerifyEmail { token: LinkToken, code: Option<Code> },
    /// Somebody tried to sign up with an address that has an account.
    AccountExists {},
    /// Lets the owner of an address choose a new password.
    ResetPassword { token: LinkToken },
    /// A new password was chosen by a mail.
    PasswordReset {},
    /// A signed-in user changed the password.
    PasswordChanged {},
    /// Proves the new address of an account, which the mail names by its masked old address or number.
    ChangeEmail { account: MaskedHandle, token: LinkToken, code: Option<Code> },
    /// The address that an account asked for belongs to another account, which has proved it.
    EmailInUse { account: MaskedHandle },
    /// Goes to the old address, which may take the account back.
    EmailChanged { new: MaskedHandle, token: LinkToken },
    /// An old address took the account back.
    EmailRestored {},
    /// Signs in.
    SignIn { token: LinkToken, code: Option<Code> },
    /// Proves again who a signed-in user is.
    StepUp { code: Code },
    /// The account will be deleted.
    DeletionRequested { token: LinkToken, at: OffsetDateTime },
    /// Somebody signed in from a place that is not known.
    NewDevice { address: Option<IpAddr>, at: OffsetDateTime },
    FactorAdded { factor: Factor },
    FactorRemoved { factor: Factor },
    /// Somebody knows the password and tries second factors.
    FactorFailures {},
    /// A refresh token that had been replaced was used again.
    SessionReused {},
    /// Many sign-ins have failed.
    SignInSlowed {},
    ApiKeyCreated { key: Option<KeyId>, name: Option<Typed> },
}

/// A page of the web application that mails lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppPage {
    VerifyEmail,
    ResetPassword,
    ConfirmEmail,
    UndoEmail,
    SignIn,
    RestoreAccount,
}

impl AppPage {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::VerifyEmail => "/verify-email",
            Self::ResetPassword => "/reset-password",
            Self::ConfirmEmail => "/confirm-email",
            Self::UndoEmail => "/undo-email",
            Self::SignIn => "/sign-in",
            Self::RestoreAccount => "/restore-account",
        }
    }
}

impl Template {
    /// Returns the page that the link of this mail leads to, and the secret that it carries.
    pub(super) fn link(&self) -> Option<(AppPage, &LinkToken)> {
        match self {
            Self::VerifyEmail { token, .. } => Some((AppPage::VerifyEmail, token)),
            Self::ResetPassword { token } => Some((AppPage::ResetPassword, token)),
            Self::ChangeEmail { token, .. } => Some((AppPage::ConfirmEmail, token)),
            Self::EmailChanged { token, .. } => Some((AppPage::UndoEmail, token)),
            Self::SignIn { token, .. } => Some((AppPage::SignIn, token)),
            Self::DeletionRequested { token, .. } => Some((AppPage::RestoreAccount, token)),
            Self::Welcome {}
            | Self::AccountExists {}
            | Self::PasswordReset {}
            | Self::PasswordChanged {}
            | Self::EmailInUse { .. }
            | Self::EmailRestored {}
            | Self::StepUp { .. }
            | Self::NewDevice { .. }
            | Self::FactorAdded { .. }
            | Self::FactorRemoved { .. }
            | Self::FactorFailures {}
            | Self::SessionReused {}
            | Self::SignInSlowed {}
            | Self::ApiKeyCreated { .. } => None,
        }
    }
}
