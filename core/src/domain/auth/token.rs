//! What a token says once its signature, kind and expiry have been checked.

use time::Duration;
use uuid::Uuid;

use super::RandomId;
use crate::domain::mask::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Names its bearer for minutes.
    Access,
    /// Buys the next pair, once.
    Refresh,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub user: Uuid,
    pub session: RandomId,
    /// The generation of the session that this token belongs to.
    pub generation: RandomId,
}

/// What a client carries away from sign-in or refresh.
#[derive(Debug, Clone)]
pub struct TokenPair {
    pub user: Uuid,
    pub access: Secret<String>,
    pub refresh: Secret<String>,
    /// How long the access token is still good.
    pub expires_in: Duration,
}
