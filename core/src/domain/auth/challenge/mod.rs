//! Challenges: one-time links and codes that prove who somebody is, or that an address is theirs.
//!
//! A new purpose is a variant of [`Purpose`] and a line in each `match` of this file; the rest of the way is
//! described in `application/challenges/mod.rs`.

mod addresses;
mod secrets;

use std::fmt;

use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub use addresses::Addresses;
pub use secrets::{Binding, CODE_LENGTH, Code, Kind, LinkToken, Verifier};

use crate::domain::{audit::Action, auth::rotation::SAME_PAIR, users::Phone, words::words};

words! {
    /// What a challenge is for, with the word in the column.
    pub enum Purpose {
        /// The address is the user's.
        VerifyEmail = "verify_email",
        /// A new password, without the old one.
        ResetPassword = "reset_password",
        /// A session, without a password.
        SignIn = "sign_in",
        /// Proof of who a signed-in user is, for an account without a password.
        StepUp = "step_up",
        /// The address is to be the user's.
        ChangeEmail = "change_email",
        /// The address was the user's, and takes the account back.
        UndoEmail = "undo_email",
        /// The phone number is the user's.
        Phone = "phone",
        /// The user takes the deletion of the account back.
        Restore = "restore",
    }
}

/// How long the owner of the mailbox wins over a thief who has added or changed the address or the number of the
/// account.
pub const OWNER_WINS: Duration = Duration::days(7);

/// How long a user can take back the request to be deleted, unless the setting `DELETION_GRACE_DAYS` says otherwise.
pub const DELETION_GRACE: Duration = Duration::days(7);

/// How long a code in a text message can be used, whatever it is for.
const ON_A_PHONE: Duration = Duration::minutes(5);

/// What a challenge says about the account that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Only while the subject is the address of the account, and nothing that proves identity has changed.
    WhileSubjectIsCurrent,
    /// Only while nothing that proves identity has changed. The subject is not the account's yet.
    WhileEpochStands,
    /// Whatever has changed since, also if the user may not sign in any more.
    Always,
    /// Only while the deletion that it belongs to is pending: both have the same time. What proves identity may
    /// have changed, and an administrator may have banned the user.
    WhileDeletionIsPending,
}

impl Purpose {
    /// How long a challenge can be used.
    pub fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::hours(24),
            Self::ResetPassword => Duration::minutes(30),
            Self::SignIn | Self::StepUp => Duration::minutes(10),
            Self::ChangeEmail => Duration::minutes(60),
            Self::UndoEmail => OWNER_WINS,
            Self::Phone => ON_A_PHONE,
            Self::Restore => DELETION_GRACE, // An ask has the grace period of the setting.
        }
    }

    /// How long a challenge for this address or number can be used.
    pub fn lifetime_of(self, subject: &str) -> Duration {
        if Phone::parse(subject).is_ok() { ON_A_PHONE } else { self.lifetime() }
    }

    /// How long its code can be used. A code has far fewer values than a link.
    pub fn code_lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail | Self::ChangeEmail => Duration::minutes(60),
            Self::ResetPassword | Self::UndoEmail | Self::Restore => Duration::ZERO, // They have no code.
            Self::SignIn | Self::StepUp => Duration::minutes(10),
            Self::Phone => ON_A_PHONE,
        }
    }

    /// How long after its use the same code may be sent again, by a client that lost the response. Each time counts
    /// as an attempt.
    pub fn code_repeats_for(self) -> Duration {
        match self {
            Self::VerifyEmail
            | Self::ResetPassword
            | Self::ChangeEmail
            | Self::UndoEmail
            | Self::Phone
            | Self::Restore => Duration::ZERO,
            Self::SignIn | Self::StepUp => SAME_PAIR,
        }
    }

    /// Returns what the audit log calls its use, and its refusal.
    pub fn action(self) -> Action {
        match self {
            Self::VerifyEmail => Action::EmailVerified,
            Self::ResetPassword => Action::PasswordReset,
            Self::SignIn => Action::SignIn,
            Self::StepUp => Action::Reauthenticated,
            Self::ChangeEmail => Action::EmailChanged,
            Self::UndoEmail => Action::EmailRestored,
            Self::Phone => Action::PhoneVerified,
            Self::Restore => Action::DeletionUndone,
        }
    }

    /// Under which conditions on the account it can be used.
    pub fn holds(self) -> Holds {
        match self {
            Self::VerifyEmail | Self::ResetPassword | Self::SignIn | Self::StepUp => {
                Holds::WhileSubjectIsCurrent
            }
            Self::ChangeEmail | Self::Phone => Holds::WhileEpochStands,
            Self::UndoEmail => Holds::Always,
            Self::Restore => Holds::WhileDeletionIsPending,
        }
    }

    /// Returns what its use gives to the user, and so may take from somebody else.
    pub fn moves(self) -> Option<Moved> {
        match self {
            Self::VerifyEmail | Self::ResetPassword | Self::SignIn | Self::StepUp | Self::Restore => None,
            Self::ChangeEmail | Self::UndoEmail => Some(Moved::Address),
            Self::Phone => Some(Moved::Number),
        }
    }
}

/// What can go from one user to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    Address,
    Number,
}

/// The user that a challenge belongs to, and their epoch when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub user: Uuid,
    pub epoch: i32,
}

/// A challenge as it is stored. It holds no secret.
#[derive(Clone)]
pub struct Challenge {
    pub id: Uuid,
    pub purpose: Purpose,
    /// The key of its secret; `None` until the secret was first computed.
    pub kid: Option<String>,
    /// `None`: nobody has this address.
    pub owner: Option<Owner>,
    /// The canonical address or number that it proves.
    pub subject: Option<String>,
    pub data: Value,
    /// SHA-256 of the verifier of the client that asked.
    pub binding: Option<Vec<u8>>,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub used: bool,
}

impl Challenge {
    /// The key in `data` of a challenge whose id no client learns. So nobody can send its code back.
    pub const LINK_ONLY: &str = "link_only";

    /// Returns the number that it proves; `None` for a challenge that goes to an address.
    pub fn phone(&self) -> Option<Phone> {
        self.subject.as_deref().and_then(|subject| Phone::parse(subject).ok())
    }

    /// Returns the form of its code: digits for a phone, letters for a mail.
    pub fn code_kind(&self) -> Kind {
        if self.phone().is_some() { Kind::Digits } else { Kind::Letters }
    }

    /// Returns whether less than half of its life is left. A secret that arrives so late helps nobody.
    pub fn is_late(&self, now: OffsetDateTime) -> bool {
        self.expires_at - now < (self.expires_at - self.created_at) / 2
    }

    /// Returns how long its code can still be used; `None` for a code that helps nobody: it has less than half of its
    /// life left, or no client can send it back.
    pub fn code_left(&self, now: OffsetDateTime) -> Option<Duration> {
        let lifetime = self.purpose.code_lifetime().min(self.expires_at - self.created_at);
        let left = self.created_at + lifetime - now;
        let is_late = left < lifetime / 2 || !left.is_positive();
        let is_link_only = self.data.get(Self::LINK_ONLY).is_some();
        (!is_late && !is_link_only).then_some(left)
    }
}

/// Leaves out the subject, which is an address.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, purpose, owner, used, .. } = self;
        f.debug_struct("Challenge")
            .field("id", id)
            .field("purpose", purpose)
            .field("owner", owner)
            .field("used", used)
            .finish_non_exhaustive()
    }
}
