//! Background tasks: the states they are in, and what their owner is told when they fail.

use super::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Queued,
    Running,
    Retrying,
    Succeeded,
    Failed,
    Cancelled,
}

impl Status {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Retrying, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// Returns the word in the column and in responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Why a task failed, in terms that its owner may read. The causes name servers, so only the log has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Invalid,
    NotAllowed,
    NotFound,
    Conflict,
    Unavailable,
    Misconfigured,
    Internal,
    Superseded,
    SetAside,
    MessageLost,
}

impl Failure {
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::NotAllowed,
        Self::NotFound,
        Self::Conflict,
        Self::Unavailable,
        Self::Misconfigured,
        Self::Internal,
        Self::Superseded,
        Self::SetAside,
        Self::MessageLost,
    ];

    /// Returns the failure that is shown for an error.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Malformed(_)
            | Error::Validation(_)
            | Error::TooLarge { .. }
            | Error::UnsupportedFormat => Self::Invalid,
            Error::Unauthenticated(_) | Error::Forbidden => Self::NotAllowed,
            Error::NotFound(_) => Self::NotFound,
            Error::AlreadyExists(_) => Self::Conflict,
            Error::RateLimited { .. } | Error::InProgress | Error::Unavailable { .. } => Self::Unavailable,
            Error::Configuration(_) => Self::Misconfigured,
            Error::Internal(_) => Self::Internal,
        }
    }

    /// Returns the word for programs, in the column and in responses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotAllowed => "not_allowed",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal",
            Self::Superseded => "superseded",
            Self::SetAside => "set_aside",
            Self::MessageLost => "message_lost",
        }
    }

    /// Reads a column. Older rows hold a whole error chain there, which is shown to nobody.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|failure| failure.code() == text).unwrap_or(Self::Internal)
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
    fn every_word_reads_back() {
        assert!(Status::ALL.into_iter().all(|status| Status::parse(status.as_str()) == Some(status)));
        assert!(Failure::ALL.into_iter().all(|failure| Failure::parse(failure.code()) == failure));
    }

    #[test]
    fn an_error_chain_of_an_older_row_is_not_shown() {
        let failure = Failure::parse("mail unavailable: connection to smtp.internal:465 refused");
        assert_eq!((failure.code(), failure.sentence()), ("internal", "An unexpected error occurred."));
    }
}
