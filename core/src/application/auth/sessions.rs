//! A user's own sessions: ending this one, others, all; listing them.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{Client, ListedSession, RandomId, RevokeReason, SessionCursor, Standing, Token, TokenKind},
    },
    infrastructure::{
        repository::{api_keys, audit, credentials, sessions, sign_in_places, users},
        security::jwt::WRONG_KIND,
        tx::Tx,
    },
    telemetry,
};

/// A token that says who signs out: an access or a refresh token.
#[derive(Debug)]
pub struct Leaver {
    token: Token,
    kind: TokenKind,
}

/// What a sign-out ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOut {
    /// The session of the token.
    Here,
    /// All sessions of the user.
    Everywhere,
    /// All sessions and all API keys of the user.
    EverywhereAndKeys,
}

impl Auth<'_> {
    /// Reads a token of either kind. Costs no round trip.
    ///
    /// # Errors
    /// `Unauthenticated` when it is neither, or has expired.
    pub fn leaver(&self, text: &str) -> Result<Leaver> {
        let verify = |kind| self.tokens.verify(text, kind, self.now()).map(|token| Leaver { token, kind });
        let leaver = match verify(TokenKind::Access) {
            Err(Error::Unauthenticated(WRONG_KIND)) => verify(TokenKind::Refresh),
            other => other,
        }?;
        telemetry::note_user(leaver.token.user);
        Ok(leaver)
    }

    /// Ends the session of an access or a refresh token, or all that its user is signed in with.
    ///
    /// # Errors
    /// `Unauthenticated` when the token is not good for its session any more. A refresh token that was
    /// used before ends its session as a theft does.
    pub async fn sign_out(&self, leaver: Leaver, scope: SignOut, client: Client<'_>) -> Result<()> {
        let (now, reason) = (self.now(), RevokeReason::SignOut);
        let Leaver { token, kind } = leaver;
        let user = token.user;
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if scope != SignOut::Here {
            // The user before sessions and keys, as everything locks them.
            users::lock(&tx, user).await?.ok_or(Error::Unauthenticated("user gone"))?;
        }
        let session = sessions::lock(&tx, &token.session).await?;
        let session = session.ok_or(Error::Unauthenticated("no such session"))?;
        let standing = match kind {
            TokenKind::Refresh => session.judge(&token, now),
            // An access token of an older generation is good until it expires.
            TokenKind::Access if session.is_over(user, now) => Standing::Over,
            TokenKind::Access => Standing::Live,
        };
        match standing {
            Standing::Live | Standing::Replay => {}
            Standing::Over => {
                return Err(Error::Unauthenticated("the session has ended or the user is gone"));
            }
            Standing::Reuse => return self.end_stolen(tx, &token, now, client).await,
        }
        let ended = if scope == SignOut::Here {
            sessions::revoke(&tx, user, &token.session, reason, now).await?.into()
        } else {
            credentials::raise_epoch(&tx, user).await?;
            sign_in_places::forget(&tx, user, None).await?;
            sessions::revoke_all(&tx, user, None, reason, now).await?
        };
        let keys =
            if scope == SignOut::EverywhereAndKeys { api_keys::revoke_all(&tx, user, now).await? } else { 0 };
        let everywhere = scope != SignOut::Here;
        let details = json!({
            "session": token.session.as_str(), "everywhere": everywhere, "ended": ended, "keys": keys,
        });
        audit::record(&mut tx, &Entry::own(Action::SignOut, user, client.ip).with(details));
        tx.commit().await?;
        Ok(())
    }

    /// Returns a page of the live sessions of the caller, and where the next page begins. The caller's
    /// own session is the first of the first page.
    pub async fn list(
        &self,
        caller: &Token,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<(Vec<ListedSession>, Option<SessionCursor>)> {
        let conn = self.db.conn().await?;
        // One more than asked for tells whether there is a next page.
        let mut page = sessions::list(&conn, caller, self.now(), after, limit + 1).await?;
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        let next = page.last().filter(|_| more).map(SessionCursor::after);
        Ok((page, next))
    }

    /// Ends one session of this user.
    ///
    /// # Errors
    /// `NotFound` when it is not live, or somebody else's.
    pub async fn revoke(&self, tx: &mut Tx<'_>, user: Uuid, id: &str, client: Client<'_>) -> Result<()> {
        let id = RandomId::parse(id).ok_or(Error::NotFound("session"))?;
        if !sessions::revoke(&*tx, user, &id, RevokeReason::Revoked, self.now()).await? {
            return Err(Error::NotFound("session"));
        }
        let entry = Entry::own(Action::SessionRevoked, user, client.ip);
        audit::record(tx, &entry.with(json!({ "session": id.as_str() })));
        Ok(())
    }
}
