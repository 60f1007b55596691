//! A new proof of identity within a session: what only its user may do asks for one.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use crate::{
    application::limits::Limits,
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, Standing, Token, TokenPair},
        users::{PasswordAttempt, PasswordHash},
    },
    infrastructure::{
        repository::{audit, emails::Credentials, sessions, users},
        security::{
            self,
            password::{Match, Passwords},
        },
    },
};

impl Auth<'_> {
    /// Checks the password of a user who is signed in, and moves the session to its next pair of tokens. That pair
    /// has the proof, and an access token that was stolen before has no share in it.
    ///
    /// A client that did not get the response may ask again, as after a refresh.
    ///
    /// # Errors
    /// `Validation` naming `password` when it is wrong. Not `Unauthenticated`: the token is good, and a client that
    /// refreshes and repeats would only use up the limit. `RateLimited` as for a password change.
    /// `Reauthenticate` when the token is not the session's latest: the client refreshes, and asks again.
    /// `Unauthenticated` when the session has ended in the meantime.
    pub async fn reauthenticate(
        &self,
        passwords: &Passwords,
        limits: &Limits<'_>,
        token: &Token,
        attempt: &PasswordAttempt,
        client: Client<'_>,
    ) -> Result<TokenPair> {
        let user = token.user;
        limits.password_change(user, client.ip).await?;
        // As at sign-in, the hash may change before the proof is stored. The second look tells why.
        for _ in 0..2 {
            let known = users::credentials_by_uuid(&self.db.conn().await?, user).await?;
            let Some(Credentials { may_sign_in: true, epoch, password: hash, .. }) = known else {
                return Err(Error::Unauthenticated("the user is gone"));
            };
            let is_right = passwords.verify(attempt, hash.as_ref()).await? != Match::No;
            let Some(hash) = hash.filter(|_| is_right) else {
                return Err(self.refuse_proof(user, client).await?);
            };
            if let Some(pair) = self.prove(token, &hash, epoch, client).await? {
                return Ok(pair);
            }
        }
        Err(Error::unavailable("user", "the user changed while the password was checked"))
    }

    async fn refuse_proof(&self, user: Uuid, client: Client<'_>) -> Result<Error> {
        let failed =
            Entry { outcome: Outcome::Failure, ..Entry::own(Action::Reauthenticated, user, client.ip) };
        audit::record_alone(&self.db.conn().await?, &failed).await?;
        Ok(Error::invalid("password", "wrong"))
    }

    /// Returns the pair that has the proof; `None` when the password or the epoch has changed since it was
    /// checked.
    ///
    /// Theft of a refresh token is found out as before: a token that a refresh has replaced proves nothing here, and
    /// the refresh that must come first is judged by the rules of refreshes.
    async fn prove(
        &self,
        token: &Token,
        verified: &PasswordHash,
        epoch: i32,
        client: Client<'_>,
    ) -> Result<Option<TokenPair>> {
        let (user, now) = (token.user, self.now());
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        // The user before the session, as everything locks them. A password change waits for this proof, or this
        // proof for the change.
        if !users::lock_verified(&tx, user, verified, epoch).await? {
            return Ok(None);
        }
        let session = sessions::lock(&tx, &token.session).await?;
        let session = session.ok_or(Error::Unauthenticated("no such session"))?;
        let is_repeated = match session.judge(token, now) {
            Standing::Over => {
                return Err(Error::Unauthenticated("the session was ended in the meantime"));
            }
            Standing::Live => false,
            Standing::Replay if session.began_with_proof() => true,
            Standing::Replay | Standing::Reuse => return Err(Error::Reauthenticate),
        };
        // Parallel requests agree on one pair. Later the response was lost, and another pair takes its place.
        let pair = if is_repeated && session.gives_same_pair(now, self.tokens.access_lifetime) {
            self.same_pair(token, &session, now)?
        } else {
            let (next, kid) = (security::random_sid()?, self.tokens.kid());
            let idle_until = now + self.tokens.refresh_lifetime;
            sessions::prove(&tx, token, &next, kid, now, idle_until).await?;
            self.tokens.pair(user, &token.session, &next, now, kid)?
        };
        let entry = Entry::own(Action::Reauthenticated, user, client.ip);
        audit::record(&mut tx, &entry.with(json!({ "session": token.session.as_str() })));
        tx.commit().await?;
        Ok(Some(pair))
    }
}
