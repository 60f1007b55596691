//! The error codes of gRPC, with their names, numbers and Connect's HTTP statuses.

use lambda_http::http::StatusCode;

use crate::domain::Error;

/// The codes that we use, of the sixteen that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// Returns the code of an error. Written without `_`, so that a new variant needs a decision.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Malformed(_)
            | Error::BadParameter(_)
            | Error::Validation(_)
            | Error::NotYet(_)
            | Error::UnsupportedFormat => Self::InvalidArgument,
            Error::Unauthenticated(_) => Self::Unauthenticated,
            Error::Forbidden => Self::PermissionDenied,
            Error::PasswordNeeded
            | Error::EmailUnverified
            | Error::Reauthenticate
            | Error::DeletionPending(_) => Self::PermissionDenied,
            Error::NotFound(_) => Self::NotFound,
            Error::AlreadyExists(_) => Self::AlreadyExists,
            Error::TooLarge { .. } | Error::RateLimited { .. } => Self::ResourceExhausted,
            Error::WrongState(_) => Self::FailedPrecondition,
            Error::InProgress => Self::Aborted,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::Configuration(_) | Error::Internal(_) => Self::Internal,
        }
    }

    pub(super) fn number(self) -> i32 {
        self as i32
    }

    /// Returns Connect's name of the code.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Unauthenticated => "unauthenticated",
        }
    }

    /// Returns Connect's HTTP status. gRPC-Web always responds with 200.
    pub(super) fn http(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => StatusCode::BAD_REQUEST,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::AlreadyExists | Self::Aborted => StatusCode::CONFLICT,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
        }
    }
}
