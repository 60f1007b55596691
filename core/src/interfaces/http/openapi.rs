//! The parts that the descriptions of several endpoints share. `catalogue/src/openapi/mod.rs` assembles the document,
//! and adds what follows from a handler's types: who may call it, the `Idempotency-Key`, the common errors.

use utoipa::IntoResponses;

use super::ErrorBody;

/// Error responses of endpoints that find a thing by its id.
#[derive(Debug, IntoResponses)]
pub enum MissingProblem {
    /// It does not exist, or it is not yours
    #[response(status = 404)]
    NotFound(ErrorBody),
}
