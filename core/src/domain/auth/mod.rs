//! Sessions and the tokens that name them.

mod api_key;
pub mod challenge;
mod client;
pub mod events;
mod permission;
mod rotation;
mod session;
mod token;

pub use api_key::{ApiKey, ListedKey};
pub use client::Client;
pub use permission::{Permission, Permissions, Recent, Right, SignedIn, rights};
pub use rotation::{Standing, StoredSession};
pub use session::{
    ListedSession, NewSession, PROOF_LIFETIME, RandomId, RevokeReason, SESSION_LIFETIME, SessionCursor,
};
pub use token::{Token, TokenKind, TokenPair};
