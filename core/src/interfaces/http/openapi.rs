//! What the endpoints' descriptions share: groups of failing answers. `tests/src/openapi.rs` puts
//! the whole document together.

use utoipa::{IntoParams, IntoResponses};

use super::ErrorBody;

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
