//! Turns errors into responses with the envelope.

use lambda_http::http::{
    HeaderValue,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::into_response::{IntoResponse, WithStatus};
use crate::{
    domain::{Detail, Error},
    interfaces::gateway::{Report, TextResponse, report, wait_of},
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
    /// Restores the account. Only with `deletion_pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "lnk_0000000000000000000001_0000000000000000000002")]
    restore_token: Option<String>,
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

/// Logs the error once and renders its response.
pub(super) fn render(error: &Error, request_id: &str, debug: bool) -> TextResponse {
    let Report { error_id, code, message, cause, status } = report(error);
    let details = match error {
        Error::Validation(details) | Error::NotYet(details) => details.iter().map(render_detail).collect(),
        Error::BadParameter(bad) => vec![render_detail(&bad.detail)],
        Error::AlreadyExists(key) => vec![ErrorDetail { key: key.to_string(), reason: "taken".into() }],
        _ => Vec::new(),
    };
    let restore_token = match error {
        Error::DeletionPending(token) => Some(token.expose().clone()),
        _ => None,
    };
    let body = ErrorBody {
        error_id,
        code,
        message,
        details,
        restore_token,
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

fn render_detail(detail: &Detail) -> ErrorDetail {
    ErrorDetail { key: detail.key.clone(), reason: detail.reason.clone().into_owned() }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use lambda_http::http::StatusCode;

    use super::*;
    use crate::{
        domain::{Part, mask::Secret},
        interfaces::gateway::texts,
    };

    fn respond(error: &Error, debug: bool) -> (StatusCode, serde_json::Value) {
        let response = render(error, "r-1", debug);
        (response.status(), serde_json::from_str(response.body()).expect("json"))
    }

    /// One error of each variant, and of each status. `DeletionPending` has one more key.
    fn errors() -> Vec<Error> {
        vec![
            Error::Malformed("bad".into()),
            Error::bad_parameter("order", "unknown", "must be `id`"),
            Error::invalid("email", "format"),
            Error::not_yet("email", "too_new"),
            Error::Unauthenticated("x"),
            Error::PasswordNeeded,
            Error::EmailUnverified,
            Error::Forbidden,
            Error::Reauthenticate,
            Error::NotFound("user"),
            Error::AlreadyExists("email".into()),
            Error::WrongState("invoice"),
            Error::TooLarge { part: Part::BodyBytes, limit: 1 },
            Error::UnsupportedFormat,
            Error::RateLimited { retry_after: Duration::from_secs(3) },
            Error::InProgress,
            Error::unavailable("database", "down"),
            Error::Configuration("x".into()),
            Error::internal("secret cause"),
        ]
    }

    /// Returns `variant status code` for each variant of each row of the table in docs/errors.md.
    fn rows_of_the_page(page: &str) -> BTreeSet<String> {
        let (_, table) = page.split_once("\n## Status and code\n").expect("the table");
        let table = table.split("\n## ").next().unwrap_or_default();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.flat_map(|row| {
            let mut cells = row.split(" | ");
            let mut next = || cells.next().unwrap_or_default();
            let (variants, status, code) = (next(), next(), next());
            let status = status.split(' ').next().unwrap_or_default();
            let variants = variants.split(", ").map(|name| name.trim_matches('`'));
            let variants = variants.filter(|name| name.starts_with(char::is_uppercase));
            variants.map(|name| format!("{name} {status} {}", code.trim_matches('`'))).collect::<Vec<_>>()
        })
        .collect()
    }

    #[test]
    fn the_page_of_errors_has_each_error_with_its_status_and_code() {
        let page = include_str!("../../../../docs/errors.md");
        let too_large = [Part::HeaderBytes, Part::QueryBytes].map(|part| Error::TooLarge { part, limit: 1 });
        let pending = Error::DeletionPending(Secret::new("lnk_1".into()));
        let rows = errors().into_iter().chain(too_large).chain([pending]).map(|error| {
            let (status, body) = respond(&error, false);
            let name = format!("{error:?}");
            let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            format!("{name} {} {}", status.as_u16(), body["code"].as_str().unwrap_or_default())
        });
        assert_eq!(rows_of_the_page(page), rows.collect());
    }

    #[test]
    fn every_error_has_the_same_six_keys() {
        for error in errors() {
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
    fn only_a_pending_deletion_carries_a_token() {
        let (status, body) = respond(&Error::DeletionPending(Secret::new("lnk_1".into())), true);
        assert_eq!((status, &body["restore_token"]), (StatusCode::FORBIDDEN, &"lnk_1".into()));
        assert!(!body["traceback"].to_string().contains("lnk_1"), "{body}");
    }

    #[test]
    fn the_table_of_texts_has_the_codes_of_the_errors() {
        for (text, error) in [
            (texts::VALIDATION, Error::invalid("email", "format")),
            (texts::VALIDATION, Error::not_yet("email", "too_new")),
            (texts::UNAUTHENTICATED, Error::Unauthenticated("x")),
            (texts::PASSWORD_NEEDED, Error::PasswordNeeded),
            (texts::EMAIL_UNVERIFIED, Error::EmailUnverified),
            (texts::FORBIDDEN, Error::Forbidden),
            (texts::REAUTHENTICATE, Error::Reauthenticate),
            (texts::DELETION_PENDING, Error::DeletionPending(Secret::new("lnk_1".into()))),
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
