//! Limits for the headers and the query string of a request. API Gateway accepts 10,240 bytes of headers and
//! URL together, but another proxy in front of the functions may accept more.

use crate::domain::{Error, Part, Result};

/// The headers that API Gateway adds count too. A browser and API Gateway send about 30.
pub const MAX_HEADERS: usize = 100;
/// The bytes of names and values.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// A filter has at most 50 conditions, and a page has five parameters.
pub const MAX_QUERY_PARAMETERS: usize = 64;
/// The bytes of decoded keys and values.
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
