//! Background tasks: the states they are in, and what their owner is told when they fail.

use super::{Error, words::words};

words! {
    /// A task's state, with the word in the column and in responses.
    pub enum Status {
        Queued = "queued",
        Running = "running",
        Retrying = "retrying",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

words! {
    /// Why a task failed, in terms that its owner may read. The causes name servers, so only the log has them.
    pub enum Failure {
        Invalid = "invalid",
        NotAllowed = "not_allowed",
        NotFound = "not_found",
        Conflict = "conflict",
        Unavailable = "unavailable",
        Misconfigured = "misconfigured",
        Internal = "internal",
        Superseded = "superseded",
        SetAside = "set_aside",
        MessageLost = "message_lost",
    }
}

impl Failure {
    /// Returns the failure that is shown for an error.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Malformed(_)
            | Error::BadParameter(_)
            | Error::Validation(_)
            | Error::NotYet(_)
            | Error::TooLarge { .. }
            | Error::UnsupportedFormat => Self::Invalid,
            Error::Unauthenticated(_)
            | Error::Forbidden
            | Error::PasswordNeeded
            | Error::EmailUnverified
            | Error::Reauthenticate
            | Error::DeletionPending(_) => Self::NotAllowed,
            Error::NotFound(_) => Self::NotFound,
            Error::AlreadyExists(_) | Error::WrongState(_) => Self::Conflict,
            Error::RateLimited { .. } | Error::InProgress | Error::Unavailable { .. } => Self::Unavailable,
            Error::Configuration(_) => Self::Misconfigured,
            Error::Internal(_) => Self::Internal,
        }
    }

    /// Reads a column. Older rows hold a whole error chain there, which is shown to nobody.
    pub fn of_column(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Internal)
    }

    /// Returns the sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Invalid => "The task's data is invalid, or another service refused it permanently.",
            Self::NotAllowed => "The task is not allowed to do this.",
            Self::NotFound => "Something that the task needs does not exist.",
            Self::Conflict => "The task conflicts with existing data.",
            Self::Unavailable => "A service that the task depends on is unavailable or too slow.",
            Self::Misconfigured => "A setting of the service is wrong.",
            Self::Internal => "An unexpected error occurred.",
            Self::Superseded => "A newer task with the same key does the work.",
            Self::SetAside => "The task's message could not be processed. It waits for an operator.",
            Self::MessageLost => "The task's message was lost, and the task could not be sent again.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_chain_of_an_older_row_is_not_shown() {
        let failure = Failure::of_column("mail unavailable: connection to smtp.internal:465 refused");
        assert_eq!((failure.as_str(), failure.sentence()), ("internal", "An unexpected error occurred."));
    }
}
