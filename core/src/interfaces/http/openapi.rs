//! What the endpoints' descriptions share: groups of failing answers. `tests/src/openapi.rs` puts
//! the whole document together.

use utoipa::{
    IntoParams, IntoResponses,
    openapi::schema::{Object, ObjectBuilder, SchemaType, Type},
};

use super::ErrorBody;

/// Returns the schema of a `Patch<Text<MAX>>`: one line, or null.
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

/// Any endpoint.
#[derive(Debug, IntoResponses)]
pub enum AnyProblem {
    /// A query string over 8 KiB or 64 parameters
    #[response(status = 414)]
    LongQuery(ErrorBody),
    /// Too many requests
    #[response(status = 429)]
    RateLimited(ErrorBody),
    /// Headers over 8 KiB, or more than 100
    #[response(status = 431)]
    LongHeaders(ErrorBody),
    /// A fault on our side
    #[response(status = 500)]
    Internal(ErrorBody),
    /// A dependency does not answer
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Endpoints that read a query string.
#[derive(Debug, IntoResponses)]
pub enum QueryProblem {
    /// A key that is not known here
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// A value that does not fit its key
    #[response(status = 422)]
    Validation(ErrorBody),
}

/// Endpoints that read a body.
#[derive(Debug, IntoResponses)]
pub enum BodyProblem {
    /// Not JSON
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// A body over 1 MiB
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// Not `application/json`
    #[response(status = 415)]
    UnsupportedFormat(ErrorBody),
    /// Missing, unknown or unacceptable values
    #[response(status = 422)]
    Validation(ErrorBody),
}

/// Endpoints that ask who you are.
#[derive(Debug, IntoResponses)]
pub enum AuthProblem {
    /// Missing, wrong or expired credentials
    #[response(status = 401)]
    Unauthenticated(ErrorBody),
}

/// Endpoints that not everybody may call.
#[derive(Debug, IntoResponses)]
pub enum RightProblem {
    /// You are signed in and none of your roles allows this
    #[response(status = 403)]
    Forbidden(ErrorBody),
}

/// Endpoints about one thing.
#[derive(Debug, IntoResponses)]
pub enum MissingProblem {
    /// No such thing, or it is not yours
    #[response(status = 404)]
    NotFound(ErrorBody),
}

/// Endpoints that answer a repeated request once; see `idempotent.rs`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described")]
pub struct IdempotencyKey {
    /// A name for this request, of your choice and new for each: 1 to 255 visible ASCII characters.
    /// Sent again within a day, it has no further effect and the same answer, with
    /// `Idempotency-Replayed: true`. Refused with 422 for a request that asks for something else.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

/// The same without a body, whose problems have these codes, too.
#[derive(Debug, IntoResponses)]
pub enum IdempotencyKeyProblem {
    /// An `Idempotency-Key` that is none
    #[response(status = 400)]
    Malformed(ErrorBody),
    /// The `Idempotency-Key` of another request
    #[response(status = 422)]
    Validation(ErrorBody),
}

/// Endpoints that take an `Idempotency-Key`.
#[derive(Debug, IntoResponses)]
pub enum InProgressProblem {
    /// A request with this `Idempotency-Key` is still being worked on
    #[response(status = 409)]
    InProgress(ErrorBody),
}
