//! The parts that the descriptions of several endpoints share: schemas and groups of error responses.
//! `tests/src/openapi.rs` assembles the document.

use utoipa::{
    IntoParams, IntoResponses,
    openapi::schema::{Object, ObjectBuilder, SchemaType, Type},
};

use super::ErrorBody;

/// Returns the schema of a `Patch<Text<MAX>>`: one line of text, or null.
pub fn line<const MAX: usize>() -> Object {
    let line = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";
    text_or_null(MAX, line).build()
}

/// Returns the schema of a `Patch<PhotoUrl>`.
pub fn https_url() -> Object {
    let url = r"^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][A-Za-z0-9._~:/?#\[\]@!$&*+,;=%-]*)?$";
    text_or_null(2048, url).description(Some("An https URL in ASCII, without a user name. Quotation marks and parentheses are percent-encoded.")).build()
}

fn text_or_null(max: usize, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .max_length(Some(max))
        .pattern(Some(pattern))
}

/// Error responses of every endpoint.
#[derive(Debug, IntoResponses)]
pub enum AnyProblem {
    /// The query string exceeds 8 KiB or 64 parameters
    #[response(status = 414)]
    LongQuery(ErrorBody),
    /// Too many requests
    #[response(status = 429)]
    RateLimited(ErrorBody),
    /// The headers exceed 8 KiB, or there are more than 100
    #[response(status = 431)]
    LongHeaders(ErrorBody),
    /// The server could not process the request
    #[response(status = 500)]
    Internal(ErrorBody),
    /// A service that the request depends on is unavailable
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Error responses of endpoints that read a query string.
#[derive(Debug, IntoResponses)]
pub enum QueryProblem {
    /// A query parameter is not supported
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// The value of a query parameter is invalid
    #[response(status = 422)]
    Validation(ErrorBody),
}

/// Error responses of endpoints that read a body.
#[derive(Debug, IntoResponses)]
pub enum BodyProblem {
    /// The body is not valid JSON
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// The body exceeds 1 MiB
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The content type is not `application/json`
    #[response(status = 415)]
    UnsupportedFormat(ErrorBody),
    /// Some fields are missing, unknown or invalid
    #[response(status = 422)]
    Validation(ErrorBody),
}

/// Error responses of endpoints that need credentials.
#[derive(Debug, IntoResponses)]
pub enum AuthProblem {
    /// The credentials are missing, invalid or expired
    #[response(status = 401)]
    Unauthenticated(ErrorBody),
}

/// Error responses of endpoints that need a permission.
#[derive(Debug, IntoResponses)]
pub enum RightProblem {
    /// You are signed in, but none of your roles grants this permission
    #[response(status = 403)]
    Forbidden(ErrorBody),
}

/// Error responses of endpoints that find a thing by its id.
#[derive(Debug, IntoResponses)]
pub enum MissingProblem {
    /// It does not exist, or it is not yours
    #[response(status = 404)]
    NotFound(ErrorBody),
}

/// The header of endpoints that process a repeated request only once; see `idempotent.rs`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described")]
pub struct IdempotencyKey {
    /// A name that you choose for this request: 1 to 255 visible ASCII characters. Use a new one for each
    /// request. If the request is repeated within a day, it has no further effect and gets the same response,
    /// with `Idempotency-Replayed: true`. The same name with a different request is refused with 422.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

/// Error responses for an `Idempotency-Key` on endpoints that do not read a body.
#[derive(Debug, IntoResponses)]
pub enum IdempotencyKeyProblem {
    /// Invalid `Idempotency-Key`
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// The `Idempotency-Key` was used for a different request
    #[response(status = 422)]
    Validation(ErrorBody),
}

/// Error responses of endpoints that accept an `Idempotency-Key`.
#[derive(Debug, IntoResponses)]
pub enum InProgressProblem {
    /// A request with this `Idempotency-Key` is still in progress
    #[response(status = 409)]
    InProgress(ErrorBody),
}
