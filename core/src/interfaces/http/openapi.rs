//! What the endpoints' descriptions share: groups of failing answers. `tests/src/openapi.rs` puts
//! the whole document together.

use utoipa::IntoResponses;

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
