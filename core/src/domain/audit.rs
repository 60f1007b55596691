//! What the audit log remembers: who did what to whom, and how it ended.
//!
//! A new kind of entry is a variant here; it is recorded in the transaction of the change.

use std::net::IpAddr;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    SignUp,
    SignIn,
    SignOut,
    SessionRevoked,
    SessionReuseDetected,
    /// A replaced refresh token came back late, and got another successor.
    SessionReplayed,
    PasswordChanged,
    EmailCanonicalised,
    /// An operator gave a user another address.
    EmailSet,
    UserUpdated,
    UserDeactivated,
    UserActivated,
    UserDeleted,
    RoleGranted,
    RoleRevoked,
    ApiKeyCreated,
    ApiKeyRevoked,
    TaskRetried,
    TaskCancelled,
    OutboxMessageDropped,
    DeadLetterDropped,
}

impl Action {
    /// The word in the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::SignIn => "sign_in",
            Self::SignOut => "sign_out",
            Self::SessionRevoked => "session_revoked",
            Self::SessionReuseDetected => "session_reuse_detected",
            Self::SessionReplayed => "session_replayed",
            Self::PasswordChanged => "password_changed",
            Self::EmailCanonicalised => "email_canonicalised",
            Self::EmailSet => "email_set",
            Self::UserUpdated => "user_updated",
            Self::UserDeactivated => "user_deactivated",
            Self::UserActivated => "user_activated",
            Self::UserDeleted => "user_deleted",
            Self::RoleGranted => "role_granted",
            Self::RoleRevoked => "role_revoked",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::TaskRetried => "task_retried",
            Self::TaskCancelled => "task_cancelled",
            Self::OutboxMessageDropped => "outbox_message_dropped",
            Self::DeadLetterDropped => "dead_letter_dropped",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// One row to be. The database adds the time, the repository the request's id.
#[derive(Debug)]
pub struct Entry {
    pub action: Action,
    pub outcome: Outcome,
    /// Who did it. `None`: nobody we know.
    pub actor: Option<Uuid>,
    /// To whom.
    pub subject: Option<Uuid>,
    pub ip: Option<IpAddr>,
    /// A JSON object of ids and words; never a secret, never what a caller typed.
    pub details: Value,
}

impl Entry {
    /// A user did this to their own account.
    pub fn own(action: Action, user: Uuid, ip: Option<IpAddr>) -> Self {
        Self::by(user, action, user, ip)
    }

    /// A user did this to an account.
    pub fn by(actor: Uuid, action: Action, subject: Uuid, ip: Option<IpAddr>) -> Self {
        let (outcome, details) = (Outcome::Success, json!({}));
        Self { action, outcome, actor: Some(actor), subject: Some(subject), ip, details }
    }

    /// An operator did this through the function `operations`: to an account, or to something that need
    /// not have an owner.
    pub fn by_operator(action: Action, subject: impl Into<Option<Uuid>>) -> Self {
        let (outcome, details) = (Outcome::Success, json!({}));
        Self { action, outcome, actor: None, subject: subject.into(), ip: None, details }
    }

    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// A row as it stands.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub id: i64,
    pub at: OffsetDateTime,
    pub action: String,
    pub outcome: String,
    pub actor: Option<Uuid>,
    pub subject: Option<Uuid>,
    pub ip: Option<IpAddr>,
    /// The request that did it.
    pub request_id: Option<String>,
    pub details: Value,
}
