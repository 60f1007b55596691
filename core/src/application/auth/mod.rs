//! Signing in, staying signed in, and who is asking: a file each for what users do.

mod api_keys;
mod change_password;
mod new_place;
mod reauthenticate;
mod redeem_code;
mod refresh;
mod sessions;
mod sign_in;
mod slowed;

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{
        Error, Result,
        auth::{PROOF_LIFETIME, Permissions, Token, TokenKind},
        clock::Clock,
        users::User,
    },
    infrastructure::{
        db::Db,
        repository::sessions as stored,
        security::{jwt::Tokens, random_sid},
    },
    telemetry,
};

pub use api_keys::KeyWish;
pub use change_password::{PasswordChange, StoredPassword};
pub use redeem_code::CodeSignIn;
pub use sessions::{Leaver, SignOut};
pub use sign_in::SignIn;
pub(crate) use slowed::slowed;

pub struct Auth<'a> {
    pub(crate) db: &'a Db,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) tokens: Arc<Tokens>,
}

/// The user behind an access token.
#[derive(Debug)]
pub struct Authenticated {
    pub user: User,
    pub token: Token,
    /// What they may do now.
    pub permissions: Permissions,
    /// Whether they have proved their identity within [`PROOF_LIFETIME`], with the session's live pair of tokens.
    /// A stolen access token of an earlier pair has no share in the proof.
    pub proved_recently: bool,
}

impl Auth<'_> {
    /// Returns the user of an access token and the user's permissions now. This takes one round trip, and
    /// none for a token that this service did not sign.
    ///
    /// # Errors
    /// `Unauthenticated` when token, session or user is not live.
    pub async fn authenticate(&self, text: &str) -> Result<Authenticated> {
        let now = self.now();
        let token = self.tokens.verify(text, TokenKind::Access, now)?;
        telemetry::note_user(token.user);
        match stored::user_of(&self.db.conn().await?, &token, now).await? {
            Some((user, permissions, proved_at)) => {
                let proved_recently = proved_at.is_some_and(|at| now - at <= PROOF_LIFETIME);
                Ok(Authenticated { user, token, permissions, proved_recently })
            }
            None => Err(Error::Unauthenticated("the session has ended or the user is gone")),
        }
    }

    /// Asks what [`Auth::authenticate`] asks, for nobody: the statement is prepared then, and Postgres
    /// has read up on its tables.
    pub async fn prepare_authenticate(&self) -> Result<()> {
        stored::user_of(&self.db.conn().await?, &nobody()?, self.now()).await.map(drop)
    }

    /// Returns the time in whole seconds, because tokens have no fractions and stored times must equal signed
    /// ones.
    fn now(&self) -> OffsetDateTime {
        let now = self.clock.now();
        now.replace_nanosecond(0).unwrap_or(now)
    }
}

/// A token that nobody has.
fn nobody() -> Result<Token> {
    Ok(Token { user: Uuid::nil(), session: random_sid()?, generation: random_sid()? })
}

impl std::fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
