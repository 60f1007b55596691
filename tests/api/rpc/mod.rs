//! RPC, as API Gateway hands it over: in every dialect, and whatever goes wrong in the caller's own.

mod dialects;
mod refusals;
mod services;
pub(crate) mod wire;
