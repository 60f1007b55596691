//! Turns errors into responses. This is the only place that chooses status codes and writes the envelope.

use std::{borrow::Cow, time::Duration};

use lambda_http::http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    into_response::{IntoResponse, TextResponse, WithStatus},
    texts::{self, ErrorText},
};
use crate::{
    domain::{Detail, Error, Part},
    infrastructure::security,
};

/// The body of the response to every failed request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// 32 hex digits. Exactly one log line contains them, next to the cause.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015")]
    error_id: String,
    /// The kind of error, for programs.
    #[schema(example = "validation")]
    code: &'static str,
    /// The error as a sentence, for people.
    message: String,
    /// The invalid fields, where they are known.
    details: Vec<ErrorDetail>,
    /// The id of the request, as in the header `X-Request-Id`.
    request_id: String,
    /// The cause of the error. Only with `DEBUG`, and never in production.
    #[schema(required)]
    traceback: Option<String>,
}

/// An invalid field and the reason. It never contains the value that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    #[schema(example = "email")]
    key: String,
    #[schema(example = "format")]
    reason: String,
}

/// How long a client should wait for a dependency to recover, or for the same request to finish.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);

/// The public parts of an error, for any protocol, and its cause, which only the log gets.
pub(in crate::interfaces) struct Report {
    pub(in crate::interfaces) error_id: String,
    pub(in crate::interfaces) code: &'static str,
    pub(in crate::interfaces) message: String,
    pub(in crate::interfaces) cause: String,
    status: StatusCode,
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
        tracing::error!(error_id, code, status = status.as_u16(), error = cause, "request failed");
    } else {
        tracing::info!(error_id, code, status = status.as_u16(), error = cause, "request refused");
    }
    Report { error_id, code, message: message.into_owned(), cause, status }
}

/// Logs the error once and renders its response.
pub(super) fn render(error: &Error, request_id: &str, debug: bool) -> TextResponse {
    let Report { error_id, code, message, cause, status } = report(error);
    let details = match error {
        Error::Validation(details) => details.iter().map(render_detail).collect(),
        Error::AlreadyExists(key) => vec![ErrorDetail { key: key.to_string(), reason: "taken".into() }],
        _ => Vec::new(),
    };
    let body = ErrorBody {
        error_id,
        code,
        message,
        details,
        request_id: request_id.to_owned(),
        traceback: debug.then_some(cause),
    };
    // The body has only strings, so it always serialises.
    let mut response = WithStatus(status, body).into_response().unwrap_or_default();
    let headers = response.headers_mut();
    if matches!(error, Error::Unauthenticated(_)) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = wait_of(error) {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response
}

fn describe(error: &Error) -> (StatusCode, Cow<'static, str>) {
    let ErrorText { status, message, .. } = match error {
        Error::Malformed(why) => return (StatusCode::BAD_REQUEST, capitalised(why).into()),
        Error::NotFound(what) => return (StatusCode::NOT_FOUND, format!("There is no such {what}.").into()),
        Error::AlreadyExists(key) => {
            return (StatusCode::CONFLICT, format!("This {key} is already taken. Use another one.").into());
        }
        Error::TooLarge { part, limit } => {
            let status = match part {
                Part::BodyBytes => StatusCode::PAYLOAD_TOO_LARGE,
                Part::HeaderBytes | Part::Headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                Part::QueryBytes | Part::QueryParameters => StatusCode::URI_TOO_LONG,
            };
            return (status, format!("The limit is {limit} {}.", part.as_str()).into());
        }
        Error::Validation(_) => texts::VALIDATION,
        Error::Unauthenticated(_) => texts::UNAUTHENTICATED,
        Error::Forbidden => texts::FORBIDDEN,
        Error::UnsupportedFormat => texts::UNSUPPORTED_FORMAT,
        Error::RateLimited { .. } => texts::RATE_LIMITED,
        Error::InProgress => texts::IN_PROGRESS,
        Error::Unavailable { .. } => texts::UNAVAILABLE,
        Error::Configuration(_) | Error::Internal(_) => texts::INTERNAL,
    };
    (status, message.into())
}

fn render_detail(detail: &Detail) -> ErrorDetail {
    ErrorDetail { key: detail.key.clone(), reason: detail.reason.clone().into_owned() }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(error: &Error, debug: bool) -> (StatusCode, serde_json::Value) {
        let response = render(error, "r-1", debug);
        (response.status(), serde_json::from_str(response.body()).expect("json"))
    }

    #[test]
    fn every_error_has_the_same_six_keys() {
        for error in [
            Error::Malformed("bad".into()),
            Error::invalid("email", "format"),
            Error::Unauthenticated("x"),
            Error::Forbidden,
            Error::NotFound("user"),
            Error::AlreadyExists("email".into()),
            Error::TooLarge { part: Part::BodyBytes, limit: 1 },
            Error::UnsupportedFormat,
            Error::RateLimited { retry_after: Duration::from_secs(3) },
            Error::InProgress,
            Error::unavailable("database", "down"),
            Error::Configuration("x".into()),
            Error::internal("secret cause"),
        ] {
            let (status, body) = respond(&error, false);
            let mut keys: Vec<_> = body.as_object().expect("object").keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(
                keys,
                ["code", "details", "error_id", "message", "request_id", "traceback"],
                "{error}"
            );
            assert!(
                body["error_id"]
                    .as_str()
                    .is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
            );
            assert!(status.is_client_error() || status.is_server_error());
            assert!(!body.to_string().contains("secret cause"));
            assert!(body["traceback"].is_null());
        }
    }

    #[test]
    fn the_table_of_texts_has_the_codes_of_the_errors() {
        for (text, error) in [
            (texts::VALIDATION, Error::invalid("email", "format")),
            (texts::UNAUTHENTICATED, Error::Unauthenticated("x")),
            (texts::FORBIDDEN, Error::Forbidden),
            (texts::NO_ROUTE, Error::NotFound("route")),
            (texts::UNSUPPORTED_FORMAT, Error::UnsupportedFormat),
            (texts::RATE_LIMITED, Error::RateLimited { retry_after: Duration::from_secs(3) }),
            (texts::IN_PROGRESS, Error::InProgress),
            (texts::UNAVAILABLE, Error::unavailable("database", "down")),
            (texts::INTERNAL, Error::Configuration("x".into())),
            (texts::INTERNAL, Error::internal("x")),
        ] {
            let (status, body) = respond(&error, false);
            assert_eq!(status, text.status, "{error}");
            assert_eq!(body["code"], text.code, "{error}");
            assert_eq!(body["message"], text.message, "{error}");
        }
    }

    #[test]
    fn the_cause_shows_only_with_debug() {
        let (_, body) = respond(&Error::internal("secret cause"), true);
        assert_eq!(body["traceback"], "internal error: secret cause");
    }

    #[test]
    fn a_refused_token_says_which_scheme_and_a_busy_service_says_when() {
        assert_eq!(render(&Error::Unauthenticated("x"), "r", false).headers()[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(render(&Error::unavailable("x", "y"), "r", false).headers()[RETRY_AFTER], "2");
        for (millis, seconds) in [(0, "1"), (7_000, "7"), (7_001, "8")] {
            let limited = Error::RateLimited { retry_after: Duration::from_millis(millis) };
            assert_eq!(render(&limited, "r", false).headers()[RETRY_AFTER], seconds);
        }
    }
}
