//! The fixed texts of failed responses. Each status, code and message is stated here and nowhere else.
//!
//! Functions send them through `error.rs`. API Gateway sends some of them without calling a function:
//! [`GATEWAY_TEXTS`] and [`RPC_GATEWAY_TEXTS`] are the source of `GatewayResponses` in `template.yaml`.

use lambda_http::http::StatusCode;

/// The status, code and message of one kind of failed response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorText {
    pub status: StatusCode,
    /// The `code` of the error, for programs.
    pub code: &'static str,
    /// The `message` of the error, for people.
    pub message: &'static str,
}

const fn text(status: StatusCode, code: &'static str, message: &'static str) -> ErrorText {
    ErrorText { status, code, message }
}

pub const UNAUTHENTICATED: ErrorText = text(
    StatusCode::UNAUTHORIZED,
    "unauthenticated",
    // The same sentence for every cause, so that it tells nothing to a caller with a stolen token.
    "The credentials are missing, invalid or expired. Sign in and try again.",
);
pub const PASSWORD_NEEDED: ErrorText = text(
    StatusCode::FORBIDDEN,
    "password_needed",
    "Send the link again with the password of the account, or while you are signed in. The link stays valid.",
);
pub const EMAIL_UNVERIFIED: ErrorText = text(
    StatusCode::FORBIDDEN,
    "email_unverified",
    "Confirm the e-mail address of your account first: ask for a mail with POST /api/v1/auth/email/verify/send/.",
);
pub const FORBIDDEN: ErrorText =
    text(StatusCode::FORBIDDEN, "forbidden", "You do not have permission to do this.");
pub const REAUTHENTICATE: ErrorText = text(
    StatusCode::FORBIDDEN,
    "reauthenticate",
    "Prove your identity again with POST /api/v1/auth/reauthenticate/, then repeat the request.",
);
pub const DELETION_PENDING: ErrorText = text(
    StatusCode::FORBIDDEN,
    "deletion_pending",
    "This account will be erased. To keep it, send restore_token to POST /api/v1/users/me/restore/.",
);
/// The same as `Error::NotFound("route")`: a route that is switched off looks like one that is missing.
pub const NO_ROUTE: ErrorText = text(StatusCode::NOT_FOUND, "not_found", "There is no such route.");
pub const IN_PROGRESS: ErrorText = text(
    StatusCode::CONFLICT,
    "in_progress",
    "A request with this Idempotency-Key is still in progress. Retry after the seconds in the Retry-After header.",
);
pub const UNSUPPORTED_FORMAT: ErrorText = text(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "unsupported_media_type",
    "Send the body as JSON, with the header Content-Type: application/json.",
);
pub const VALIDATION: ErrorText =
    text(StatusCode::UNPROCESSABLE_ENTITY, "validation", "Some values are invalid; see details.");
pub const RATE_LIMITED: ErrorText = text(
    StatusCode::TOO_MANY_REQUESTS,
    "rate_limited",
    "Too many requests. Retry after the number of seconds in the Retry-After header.",
);
pub const INTERNAL: ErrorText = text(
    StatusCode::INTERNAL_SERVER_ERROR,
    "internal",
    "The server could not process the request. Report the error_id if this happens again.",
);
pub const UNAVAILABLE: ErrorText = text(
    StatusCode::SERVICE_UNAVAILABLE,
    "unavailable",
    "A service that this request depends on is unavailable. Try again in a few seconds.",
);

/// The message of an error of Connect that the envelope has no use for.
const NO_METHOD: &str = "There is no such method.";

const BODY_TOO_LARGE: ErrorText =
    text(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large. Send a smaller one.");
const BAD_BODY: ErrorText =
    text(StatusCode::BAD_REQUEST, "malformed", "The body is invalid. See the API document for its form.");
const BAD_PARAMETER: ErrorText =
    text(StatusCode::BAD_REQUEST, "malformed", "A parameter is invalid. See the API document for its form.");
const BAD_REQUEST: ErrorText = text(
    StatusCode::BAD_REQUEST,
    "malformed",
    "The request cannot be processed. See the API document for its form.",
);
/// A function that does not respond in time is an unavailable service, with another status.
const TIMEOUT: ErrorText = ErrorText { status: StatusCode::GATEWAY_TIMEOUT, ..UNAVAILABLE };

/// Returns the error of Connect for the same failure.
const fn rpc(code: &'static str, of: ErrorText) -> ErrorText {
    ErrorText { code, ..of }
}

/// A response that API Gateway sends without calling a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayText {
    /// The key under `GatewayResponses`.
    pub kind: &'static str,
    /// Whether the template sets the status. The default of 4xx leaves each of its kinds its own status.
    pub sets_status: bool,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    pub text: ErrorText,
}

const fn kind(kind: &'static str, text: ErrorText) -> GatewayText {
    GatewayText { kind, sets_status: true, retry_after: None, text }
}

const fn retry(after: u32, kind: &'static str, text: ErrorText) -> GatewayText {
    GatewayText { kind, sets_status: true, retry_after: Some(after), text }
}

const fn default(kind: &'static str, text: ErrorText) -> GatewayText {
    GatewayText { kind, sets_status: false, retry_after: None, text }
}

/// What the REST API sends without calling a function, in the order of the template.
///
/// `DEFAULT_5XX` is what is left: a function that Lambda did not call, because no more instances may run, or whose process
/// ended. AWS would answer 500, also where the request was never handled.
///
/// `MISSING_AUTHENTICATION_TOKEN` is API Gateway's name for a path or a method that does not exist. No
/// route is signed, so it looks for an AWS signature only where there is no route.
pub const GATEWAY_TEXTS: [GatewayText; 17] = [
    kind("MISSING_AUTHENTICATION_TOKEN", NO_ROUTE),
    kind("RESOURCE_NOT_FOUND", NO_ROUTE),
    kind("INVALID_SIGNATURE", NO_ROUTE),
    kind("BAD_REQUEST_BODY", BAD_BODY),
    kind("BAD_REQUEST_PARAMETERS", BAD_PARAMETER),
    kind("UNAUTHORIZED", UNAUTHENTICATED),
    kind("ACCESS_DENIED", FORBIDDEN),
    kind("INVALID_API_KEY", FORBIDDEN),
    kind("WAF_FILTERED", FORBIDDEN),
    kind("REQUEST_TOO_LARGE", BODY_TOO_LARGE),
    kind("UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_FORMAT),
    retry(1, "THROTTLED", RATE_LIMITED),
    retry(3600, "QUOTA_EXCEEDED", RATE_LIMITED),
    retry(1, "INTEGRATION_FAILURE", UNAVAILABLE),
    retry(1, "INTEGRATION_TIMEOUT", TIMEOUT),
    default("DEFAULT_4XX", BAD_REQUEST),
    retry(1, "DEFAULT_5XX", UNAVAILABLE),
];

/// What the RPC API sends without calling a function, in the order of the template.
pub const RPC_GATEWAY_TEXTS: [GatewayText; 11] = [
    kind("MISSING_AUTHENTICATION_TOKEN", ErrorText { message: NO_METHOD, ..rpc("unimplemented", NO_ROUTE) }),
    kind("RESOURCE_NOT_FOUND", ErrorText { message: NO_METHOD, ..rpc("unimplemented", NO_ROUTE) }),
    kind("INVALID_SIGNATURE", ErrorText { message: NO_METHOD, ..rpc("unimplemented", NO_ROUTE) }),
    kind("ACCESS_DENIED", rpc("permission_denied", FORBIDDEN)),
    kind("WAF_FILTERED", rpc("permission_denied", FORBIDDEN)),
    kind("REQUEST_TOO_LARGE", rpc("resource_exhausted", BODY_TOO_LARGE)),
    retry(1, "THROTTLED", rpc("resource_exhausted", RATE_LIMITED)),
    retry(1, "INTEGRATION_FAILURE", UNAVAILABLE),
    retry(1, "INTEGRATION_TIMEOUT", TIMEOUT),
    default("DEFAULT_4XX", rpc("invalid_argument", BAD_REQUEST)),
    retry(1, "DEFAULT_5XX", UNAVAILABLE),
];
