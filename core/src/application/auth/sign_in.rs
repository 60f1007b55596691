//! E-mail and password for a new session.

use serde_json::json;

use super::Auth;
use crate::{
    application::limits::Limits,
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, NewSession, TokenPair},
        users::{Email, PasswordAttempt, PasswordHash},
    },
    infrastructure::{
        repository::{audit, sessions, users, users::Credentials},
        security::{
            self,
            password::{Match, Passwords},
        },
    },
};

impl Auth<'_> {
    /// A new session for whoever knows the password. Six round trips, one more when the hash is
    /// renewed.
    ///
    /// # Errors
    /// `Unauthenticated` for an unknown address, a wrong password and a deactivated user alike,
    /// after the same work. `RateLimited` for all of them alike, too.
    pub async fn sign_in(
        &self,
        passwords: &Passwords,
        limits: &Limits<'_>,
        email: &Email,
        attempt: &PasswordAttempt,
        client: Client<'_>,
    ) -> Result<TokenPair> {
        limits.sign_in(email, client.ip).await?;
        // Between reading a hash and storing a session, another sign-in may have renewed the hash, or
        // its owner changed the password. The second look tells which.
        for _ in 0..2 {
            let known = users::credentials_by_email(&self.db.conn().await?, email).await?;
            let hash = known.as_ref().and_then(|user| user.password.as_ref());
            let outcome = passwords.verify(attempt, hash).await?;
            let (user, hash) = match known {
                Some(Credentials { uuid, is_active: true, password: Some(hash) }) if outcome != Match::No => {
                    (uuid, hash)
                }
                known => return Err(self.refuse(limits, email, known, outcome, client).await?),
            };
            // Before the transaction: a hash takes tens of milliseconds.
            let renewed =
                if outcome == Match::Outdated { Some(passwords.renew(attempt).await?) } else { None };
            if let Some(pair) = self.open(limits, email, user, &hash, renewed.as_ref(), client).await? {
                return Ok(pair);
            }
        }
        Err(Error::unavailable("user", "changed while signing in"))
    }

    /// Notes a failed try, by the same statement whatever the reason. It was counted when it came.
    async fn refuse(
        &self,
        limits: &Limits<'_>,
        email: &Email,
        known: Option<Credentials>,
        outcome: Match,
        client: Client<'_>,
    ) -> Result<Error> {
        let reason = match (&known, outcome) {
            (None, _) => "unknown",
            (Some(_), Match::No) => "password",
            (Some(_), _) => "inactive",
        };
        let entry = Entry {
            action: Action::SignIn,
            outcome: Outcome::Failure,
            actor: None,
            subject: known.map(|user| user.uuid),
            ip: client.ip,
            details: json!({ "reason": reason, "account": limits.pseudonym(email) }),
        };
        audit::record_alone(&self.db.conn().await?, &entry).await?;
        Ok(Error::Unauthenticated("wrong credentials"))
    }

    /// `None` when the password is not what it was a moment ago, or its owner is gone.
    async fn open(
        &self,
        limits: &Limits<'_>,
        email: &Email,
        user: uuid::Uuid,
        verified: &PasswordHash,
        renewed: Option<&PasswordHash>,
        client: Client<'_>,
    ) -> Result<Option<TokenPair>> {
        let (id, generation) = (security::random_sid()?, security::random_sid()?);
        let (now, kid) = (self.now(), self.tokens.kid());
        let idle_until = now + self.tokens.refresh_lifetime;
        let new = NewSession { id: &id, user, generation: &generation, kid, now, idle_until, client };
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if let Some(renewed) = renewed
            && !users::replace_hash(&tx, user, verified, renewed).await?
        {
            return Ok(None);
        }
        if !sessions::create(&tx, &new, renewed.unwrap_or(verified), &limits.failures(email)).await? {
            return Ok(None);
        }
        let entry = Entry::own(Action::SignIn, user, client.ip);
        audit::record(&mut tx, &entry.with(json!({ "session": id.as_str() })));
        tx.commit().await?;
        self.tokens.pair(user, &id, &generation, now, kid).map(Some)
    }
}
