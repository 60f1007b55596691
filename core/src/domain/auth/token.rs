//! What a token says once its signature, kind and expiry have been checked.

use time::Duration;
use uuid::Uuid;

use super::RandomId;
use crate::domain::{mask::Secret, words::words};

words! {
    /// The kind of a token, with the word in its claims.
    pub enum TokenKind {
        /// Names its bearer for minutes.
        Access = "access",
        /// Buys the next pair, once.
        Refresh = "refresh",
    }
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
