//! How much of a request we read beside its body. API Gateway takes 10,240 bytes of headers and URL
//! together; another door in front of the functions may take more.

use crate::domain::{Error, Part, Result};

/// Those that the gateway adds included: a browser and a gateway send about thirty.
pub const MAX_HEADERS: usize = 100;
/// Names and values.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// A filter has 50 conditions at most, a page five parameters.
pub const MAX_QUERY_PARAMETERS: usize = 64;
/// Keys and values, decoded.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;

pub(super) fn check(headers: &[(String, String)], query: &[(String, String)]) -> Result<()> {
    at_most(MAX_HEADERS, headers.len(), Part::Headers)?;
    at_most(MAX_HEADER_BYTES, bytes(headers), Part::HeaderBytes)?;
    at_most(MAX_QUERY_PARAMETERS, query.len(), Part::QueryParameters)?;
    at_most(MAX_QUERY_BYTES, bytes(query), Part::QueryBytes)
}

fn bytes(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn at_most(limit: usize, actual: usize, part: Part) -> Result<()> {
    if actual > limit { Err(Error::TooLarge { part, limit }) } else { Ok(()) }
}
