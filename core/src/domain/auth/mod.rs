//! Sessions and the tokens that name them.

mod session;
mod token;

pub use session::{NewSession, SESSION_LIFETIME, Sid};
pub use token::{Token, TokenKind, TokenPair};
