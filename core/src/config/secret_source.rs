//! The two places that a secret can come from.

use crate::domain::mask::Secret;

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The value itself, from the environment; for local runs.
    Inline(Secret<String>),
    /// A secret in Secrets Manager, by ARN or name.
    Stored(String),
}
