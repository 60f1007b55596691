//! An entry of the audit log: who did what to whom, and with which result.
//!
//! A new kind of entry is a variant here; it is recorded in the transaction of the change.

use std::net::IpAddr;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::words::words;

words! {
    /// What was done, with the word in the column.
    pub enum Action {
        SignUp = "sign_up",
        SignIn = "sign_in",
        SignOut = "sign_out",
        SessionRevoked = "session_revoked",
        SessionReuseDetected = "session_reuse_detected",
        /// A replaced refresh token came back late, and got another successor.
        SessionReplayed = "session_replayed",
        /// The user of a session proved their identity again, or failed to.
        Reauthenticated = "reauthenticated",
        PasswordChanged = "password_changed",
        /// A link or a code was sent to a user.
        ChallengeSent = "challenge_sent",
        EmailVerified = "email_verified",
        /// A user proved another address, which is now the account's.
        EmailChanged = "email_changed",
        /// An old address took its account back.
        EmailRestored = "email_restored",
        /// Somebody else proved the address of an account that had not proved it.
        EmailTaken = "email_taken",
        PasswordReset = "password_reset",
        /// A user proved that a phone number is theirs.
        PhoneVerified = "phone_verified",
        /// A phone number left an account that had not proved it, because somebody else did.
        PhoneTaken = "phone_taken",
        /// A user removed the phone number of the account, or the owner of the mailbox took the account back from
        /// somebody who may have added it.
        PhoneRemoved = "phone_removed",
        EmailCanonicalised = "email_canonicalised",
        /// An operator gave a user another address.
        EmailSet = "email_set",
        /// An operator removed texts that the API no longer accepts.
        ProfileCleaned = "profile_cleaned",
        UserUpdated = "user_updated",
        UserDeactivated = "user_deactivated",
        UserActivated = "user_activated",
        /// An administrator deleted a user.
        UserDeleted = "user_deleted",
        /// A user asked for the deletion of the own account.
        DeletionAsked = "deletion_asked",
        /// A user took that back.
        DeletionUndone = "deletion_undone",
        /// The grace period ended, and the user's data was erased.
        UserErased = "user_erased",
        /// A user began an export of all data about the own account.
        DataExported = "data_exported",
        RoleGranted = "role_granted",
        RoleRevoked = "role_revoked",
        ApiKeyCreated = "api_key_created",
        ApiKeyRevoked = "api_key_revoked",
        TaskRetried = "task_retried",
        TaskCancelled = "task_cancelled",
        OutboxMessageDropped = "outbox_message_dropped",
        DeadLetterDropped = "dead_letter_dropped",
        AuditLogPruned = "audit_log_pruned",
    }
}

words! {
    /// How it ended, with the word in the column.
    pub enum Outcome {
        Success = "success",
        Failure = "failure",
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

/// A row as it is stored.
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
