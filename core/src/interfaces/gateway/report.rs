//! Logs errors and chooses their status codes and messages. This is the only place that does.

use std::{borrow::Cow, time::Duration};

use lambda_http::http::StatusCode;

use super::texts::{self, ErrorText};
use crate::{
    domain::{Error, Part},
    infrastructure::security,
    telemetry::Metric,
};

/// How long a client should wait for a dependency to recover, or for the same request to finish.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);

/// The public parts of an error, for any protocol, and its cause, which only the log gets.
pub(in crate::interfaces) struct Report {
    pub(in crate::interfaces) error_id: String,
    pub(in crate::interfaces) code: &'static str,
    pub(in crate::interfaces) message: String,
    pub(in crate::interfaces) cause: String,
    pub(in crate::interfaces) status: StatusCode,
}

/// Logs the error once and returns its public parts.
pub(in crate::interfaces) fn report(error: &Error) -> Report {
    let (status, _) = describe(error);
    report_as(error, status.is_server_error())
}

/// Like [`report`], for an error that the caller alone has caused.
pub(in crate::interfaces) fn report_refused(error: &Error) -> Report {
    report_as(error, false)
}

fn report_as(error: &Error, failed: bool) -> Report {
    let error_id = u128::from_ne_bytes(security::random().unwrap_or_default());
    let error_id = format!("{error_id:032x}");
    let (status, message) = describe(error);
    // Callers see a configuration error as `internal`, because they cannot do anything about it.
    let code = if matches!(error, Error::Configuration(_)) { "internal" } else { error.code() };
    let cause = error.chain();
    if failed {
        Metric::SERVER_ERRORS.one(code);
        tracing::error!(
            error_id,
            error_code = code,
            status = status.as_u16(),
            error = cause,
            "request failed"
        );
    } else {
        if status == StatusCode::TOO_MANY_REQUESTS {
            Metric::RATE_LIMITED.one(code);
        }
        tracing::info!(
            error_id,
            error_code = code,
            status = status.as_u16(),
            error = cause,
            "request refused"
        );
    }
    Report { error_id, code, message: message.into_owned(), cause, status }
}

fn describe(error: &Error) -> (StatusCode, Cow<'static, str>) {
    let ErrorText { status, message, .. } = match error {
        Error::Malformed(why) => return (StatusCode::BAD_REQUEST, capitalised(why).into()),
        Error::BadParameter(bad) => return (StatusCode::BAD_REQUEST, capitalised(&bad.why).into()),
        Error::NotFound(what) => return (StatusCode::NOT_FOUND, format!("There is no such {what}.").into()),
        Error::AlreadyExists(key) => {
            return (StatusCode::CONFLICT, format!("This {key} is already taken. Use another one.").into());
        }
        Error::WrongState(what) => {
            let message = format!(
                "The state of this {what} does not allow this. Read it again before you repeat the request."
            );
            return (StatusCode::CONFLICT, message.into());
        }
        Error::TooLarge { part, limit } => {
            let status = match part {
                Part::BodyBytes => StatusCode::PAYLOAD_TOO_LARGE,
                Part::HeaderBytes | Part::Headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                Part::QueryBytes | Part::QueryParameters => StatusCode::URI_TOO_LONG,
            };
            return (status, format!("The limit is {limit} {}.", part.as_str()).into());
        }
        Error::Validation(_) | Error::NotYet(_) => texts::VALIDATION,
        Error::Unauthenticated(_) => texts::UNAUTHENTICATED,
        Error::PasswordNeeded => texts::PASSWORD_NEEDED,
        Error::EmailUnverified => texts::EMAIL_UNVERIFIED,
        Error::Forbidden => texts::FORBIDDEN,
        Error::Reauthenticate => texts::REAUTHENTICATE,
        Error::DeletionPending(_) => texts::DELETION_PENDING,
        Error::UnsupportedFormat => texts::UNSUPPORTED_FORMAT,
        Error::RateLimited { .. } => texts::RATE_LIMITED,
        Error::InProgress => texts::IN_PROGRESS,
        Error::Unavailable { .. } => texts::UNAVAILABLE,
        Error::Configuration(_) | Error::Internal(_) => texts::INTERNAL,
    };
    (status, message.into())
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| format!("{}{}.", first.to_uppercase(), chars.as_str())).unwrap_or_default()
}

/// Returns how long a caller should wait, in whole seconds. It rounds up, because a caller who retries too
/// early has to wait again.
pub(in crate::interfaces) fn wait_of(error: &Error) -> Option<Duration> {
    let wait = match error {
        Error::RateLimited { retry_after } => *retry_after,
        Error::Unavailable { .. } | Error::InProgress => UNAVAILABLE_FOR,
        _ => return None,
    };
    Some(Duration::from_secs(wait.as_secs_f64().ceil().max(1.0) as u64))
}
