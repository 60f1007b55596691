//! A new proof of identity within a session: what only its user may do asks for one.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Auth;
use crate::{
    application::{
        challenges::{self, Challenges, Judged, Presented, Redeemed},
        limits::Limits,
    },
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{
            Client, Standing, Token, TokenPair,
            challenge::{Code, Purpose},
        },
        users::{PasswordAttempt, PasswordHash},
    },
    infrastructure::{
        repository::{
            audit,
            challenges::Asker,
            credentials::{self, Credentials},
            sessions,
        },
        security::{
            self, ChallengeKeys,
            password::{Match, Passwords},
        },
        tx::Tx,
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
            let known = credentials::find(&self.db.conn().await?, user).await?;
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
        if !credentials::lock_verified(&tx, user, verified, epoch).await? {
            return Ok(None);
        }
        let pair = self.give_proof(&mut tx, token, now, client).await?;
        tx.commit().await?;
        Ok(Some(pair))
    }

    /// Checks a code that was sent to a user who has no password, and does what [`Self::reauthenticate`] does. The
    /// code counts only in the session that asked for it.
    ///
    /// # Errors
    /// As [`Self::reauthenticate`], with `Validation` naming `code`.
    pub async fn reauthenticate_by_code(
        &self,
        keys: &ChallengeKeys,
        limits: &Limits<'_>,
        token: &Token,
        (id, code): (Uuid, &Code),
        client: Client<'_>,
    ) -> Result<TokenPair> {
        limits.password_change(token.user, client.ip).await?;
        let asker = Asker::Client(challenges::of_session(&token.session));
        let presented = Presented::Code { id, code, asker };
        let challenges = Challenges { db: self.db, clock: self.clock };
        let judged = challenges.judge(keys, Purpose::StepUp, &presented, client).await?;
        let now = self.now();
        if judged.challenge().used {
            return self.proved_pair(&judged, token, client).await;
        }
        let work = async |tx: &mut Tx<'_>, _: &Redeemed<'_>| self.give_proof(tx, token, now, client).await;
        let (pair, _) = challenges.redeem(&judged, client, work).await?;
        Ok(pair)
    }

    /// Returns the pair that a code has given, for a client that did not get it.
    async fn proved_pair(&self, judged: &Judged, token: &Token, client: Client<'_>) -> Result<TokenPair> {
        let now = self.now();
        let mut conn = self.db.conn().await?;
        let tx = conn.begin().await?;
        let session = sessions::lock(&tx, &token.session).await?.filter(|session| {
            session.judge(token, now) == Standing::Replay
                && session.began_with_proof()
                && session.gives_same_pair(now, self.tokens.access_lifetime)
        });
        drop(tx);
        let Some(session) = session else { return Err(judged.refuse(&conn, "used", client).await?) };
        self.same_pair(token, &session, now)
    }

    /// Moves the session to the pair that has the proof, and notes it. The caller holds the lock of the user.
    async fn give_proof(
        &self,
        tx: &mut Tx<'_>,
        token: &Token,
        now: OffsetDateTime,
        client: Client<'_>,
    ) -> Result<TokenPair> {
        let user = token.user;
        let session = sessions::lock(&*tx, &token.session).await?;
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
            sessions::prove(&*tx, token, &next, kid, now, idle_until).await?;
            self.tokens.pair(user, &token.session, &next, now, kid)?
        };
        let entry = Entry::own(Action::Reauthenticated, user, client.ip);
        audit::record(tx, &entry.with(json!({ "session": token.session.as_str() })));
        Ok(pair)
    }
}
