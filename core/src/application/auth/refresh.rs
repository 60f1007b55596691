//! A refresh token for the next pair, once; and what a token that was used before tells.

use serde_json::json;
use time::OffsetDateTime;

use super::Auth;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{
            Client, RevokeReason, Standing, StoredSession, Token, TokenKind, TokenPair,
            events::SessionReuseDetected,
        },
    },
    infrastructure::{
        db::Conn,
        repository::{audit, sessions, sign_in_places},
        security,
        tx::Tx,
    },
    telemetry,
};

impl Auth<'_> {
    /// Exchanges a refresh token for the next pair, in one round trip. The token is then used up. A
    /// client that did not get the response may ask again.
    ///
    /// # Errors
    /// `Unauthenticated` unless the token is the live one of a live session of an active user, or
    /// the one before it that may be replayed. Any older token ends its session.
    pub async fn refresh(&self, text: &str, client: Client<'_>) -> Result<TokenPair> {
        let now = self.now();
        let token = self.tokens.verify(text, TokenKind::Refresh, now)?;
        telemetry::note_user(token.user);
        let (next, kid) = (security::random_sid()?, self.tokens.kid());
        let idle_until = now + self.tokens.refresh_lifetime;
        let mut conn = self.db.conn().await?;
        if sessions::rotate(&conn, &token, &next, kid, now, idle_until).await? {
            return self.tokens.pair(token.user, &token.session, &next, now, kid);
        }
        self.judge(&mut conn, &token, now, client).await
    }

    /// Asks what [`Auth::refresh`] asks, for nobody, as [`Auth::prepare_authenticate`].
    pub async fn prepare_refresh(&self) -> Result<()> {
        let (conn, now, token) = (self.db.conn().await?, self.now(), super::nobody()?);
        let next = security::random_sid()?;
        sessions::rotate(&conn, &token, &next, self.tokens.kid(), now, now).await.map(drop)
    }

    /// What a refresh token is worth that the compare-and-swap did not take.
    async fn judge(
        &self,
        conn: &mut Conn,
        token: &Token,
        now: OffsetDateTime,
        client: Client<'_>,
    ) -> Result<TokenPair> {
        let tx = conn.begin().await?;
        let Some(session) = sessions::lock(&tx, &token.session).await? else {
            return Err(Error::Unauthenticated("no such session"));
        };
        match session.judge(token, now) {
            Standing::Over => Err(Error::Unauthenticated("the session has ended or the user is gone")),
            Standing::Live => {
                Err(Error::unavailable("session", "the session changed while it was refreshed"))
            }
            Standing::Replay => self.replay(tx, token, session, now, client).await,
            Standing::Reuse => self.end_stolen(tx, token, now, client).await,
        }
    }

    /// Returns a successor again: at first the same pair, bit for bit, later another one in its place. If too
    /// many have been put in its place, somebody else may hold the token, and the session ends.
    async fn replay(
        &self,
        mut tx: Tx<'_>,
        token: &Token,
        session: StoredSession,
        now: OffsetDateTime,
        client: Client<'_>,
    ) -> Result<TokenPair> {
        let is_same = session.gives_same_pair(now, self.tokens.access_lifetime);
        if !is_same && !session.may_be_replaced() {
            return self.end_stolen(tx, token, now, client).await;
        }
        // The old refresh token may be a thief's, who must not get the proof with the pair.
        let withdraws = session.began_with_proof();
        if withdraws {
            sessions::withdraw_proof(&tx, &token.session).await?;
        }
        if is_same {
            if withdraws {
                tx.commit().await?;
            }
            return self.same_pair(token, &session, now);
        }
        let (next, kid) = (security::random_sid()?, self.tokens.kid());
        let idle_until = now + self.tokens.refresh_lifetime;
        sessions::replace_live(&tx, &token.session, &next, kid, now, idle_until).await?;
        // A lost response, or a thief who was first: only its owner can tell.
        let age = (now - session.rotated_at).whole_seconds();
        let entry = Entry {
            action: Action::SessionReplayed,
            outcome: Outcome::Success,
            actor: None,
            subject: Some(token.user),
            ip: client.ip,
            details: json!({ "session": token.session.as_str(), "age_seconds": age }),
        };
        audit::record(&mut tx, &entry);
        tx.commit().await?;
        self.tokens.pair(token.user, &token.session, &next, now, kid)
    }

    /// Returns the live pair again, bit for bit.
    pub(super) fn same_pair(
        &self,
        token: &Token,
        session: &StoredSession,
        now: OffsetDateTime,
    ) -> Result<TokenPair> {
        let StoredSession { live, rotated_at, kid, .. } = session;
        let pair = self.tokens.pair(token.user, &token.session, live, *rotated_at, kid)?;
        Ok(TokenPair { expires_in: pair.expires_in - (now - *rotated_at), ..pair })
    }

    /// Ends the session of a token that was used again, and refuses the caller. It commits before that:
    /// an error on the way out must not undo it. The event is left to the relay, so that this function
    /// needs no right to send.
    pub(super) async fn end_stolen<T>(
        &self,
        mut tx: Tx<'_>,
        token: &Token,
        now: OffsetDateTime,
        client: Client<'_>,
    ) -> Result<T> {
        sessions::revoke(&tx, token.user, &token.session, RevokeReason::Reuse, now).await?;
        // The thief may be near a place that the account knows.
        sign_in_places::forget(&tx, token.user, None).await?;
        let entry = Entry {
            action: Action::SessionReuseDetected,
            outcome: Outcome::Success,
            actor: None,
            subject: Some(token.user),
            ip: client.ip,
            details: json!({ "session": token.session.as_str() }),
        };
        audit::record(&mut tx, &entry);
        tx.record(&SessionReuseDetected { uuid: token.user, session: token.session.to_string() })?;
        tx.commit().await?;
        Err(Error::Unauthenticated("a refresh token was used twice; its session has ended"))
    }
}
