//! The parts that the descriptions of several endpoints share. `catalogue/src/openapi.rs` assembles the document,
//! and adds what follows from a handler's types: who may call it, the `Idempotency-Key`, the common errors.

use utoipa::{
    IntoResponses,
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

/// Error responses of endpoints that find a thing by its id.
#[derive(Debug, IntoResponses)]
pub enum MissingProblem {
    /// It does not exist, or it is not yours
    #[response(status = 404)]
    NotFound(ErrorBody),
}
