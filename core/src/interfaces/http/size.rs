//! How much of a request we read beside its body. API Gateway takes 10,240 bytes of headers and URL
//! together; another door in front of the functions may take more.

use lambda_http::{aws_lambda_events::query_map::QueryMap, http::HeaderMap};

use crate::domain::{Error, Part, Result};

/// Those that the gateway adds included: a browser and a gateway send about thirty.
pub const MAX_HEADERS: usize = 100;
/// Names and values.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// A filter has 50 conditions at most, a page five parameters.
pub const MAX_QUERY_PARAMETERS: usize = 64;
/// Keys and values, decoded.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;

pub(super) fn check(headers: &HeaderMap, query: &QueryMap) -> Result<()> {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    at_most(MAX_HEADERS, headers.len(), Part::Headers)?;
    at_most(MAX_HEADER_BYTES, bytes, Part::HeaderBytes)?;
    let bytes = query.iter().map(|(key, value)| key.len() + value.len()).sum();
    at_most(MAX_QUERY_PARAMETERS, query.iter().count(), Part::QueryParameters)?;
    at_most(MAX_QUERY_BYTES, bytes, Part::QueryBytes)
}

fn at_most(limit: usize, actual: usize, part: Part) -> Result<()> {
    if actual > limit { Err(Error::TooLarge { part, limit }) } else { Ok(()) }
}
