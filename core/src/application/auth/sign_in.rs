//! E-mail and password for a new session.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use crate::{
    application::limits::{Admitted, Limits},
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{
            Client, NewSession, TokenPair,
            challenge::Owner,
            events::{SignInSlowed, SignInUnverified},
        },
        event::Event,
        users::{Email, PasswordAttempt, PasswordHash},
    },
    infrastructure::{
        messaging::envelope::EventMessage,
        repository::{
            audit,
            emails::{self, Credentials},
            sessions, users,
        },
        security::{
            self,
            password::{Match, Passwords},
        },
    },
};

impl Auth<'_> {
    /// Checks the password and opens a session. Five round trips, one more when the hash is renewed.
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
        let admitted = limits.sign_in(email, client.ip).await?;
        // Between reading a hash and storing a session, another sign-in may have renewed the hash, or
        // its owner changed the password. The second look tells which.
        for _ in 0..2 {
            let known = emails::credentials(&self.db.conn().await?, email).await?;
            let hash = known.as_ref().and_then(|user| user.password.as_ref());
            let outcome = passwords.verify(attempt, hash).await?;
            let (owner, hash) = match known {
                Some(Credentials {
                    uuid: user,
                    may_sign_in: true,
                    epoch,
                    password: Some(hash),
                    is_verified,
                }) if outcome != Match::No && (is_verified || !self.tokens.deny_unverified) => {
                    (Owner { user, epoch }, hash)
                }
                known => {
                    let account = limits.pseudonym(email);
                    return Err(self.refuse(account, &admitted, known, outcome, client).await?);
                }
            };
            // Before the transaction: a hash takes tens of milliseconds.
            let renewed =
                if outcome == Match::Outdated { Some(passwords.renew(attempt).await?) } else { None };
            if let Some(pair) = self.open(&admitted, owner, &hash, renewed.as_ref(), client).await? {
                return Ok(pair);
            }
        }
        Err(Error::unavailable("user", "the user changed while signing in"))
    }

    /// Notes a failed try, by the same statement whatever the reason. It was counted when it came. If it
    /// was the account's last one for a while, its owner is told, in as many round trips as it takes
    /// without an owner.
    async fn refuse(
        &self,
        account: String,
        admitted: &Admitted,
        known: Option<Credentials>,
        outcome: Match,
        client: Client<'_>,
    ) -> Result<Error> {
        let reason = match (&known, outcome) {
            (None, _) => "unknown",
            (Some(_), Match::No) => "password",
            (Some(user), _) if user.may_sign_in => "unverified",
            (Some(_), _) => "inactive",
        };
        let entry = Entry {
            action: Action::SignIn,
            outcome: Outcome::Failure,
            actor: None,
            subject: known.as_ref().map(|user| user.uuid),
            ip: client.ip,
            details: json!({ "reason": reason, "account": account }),
        };
        let mut conn = self.db.conn().await?;
        // With the setting, all refusals take a transaction: its time must not tell which of them starts a mail.
        if admitted.was_last || self.tokens.deny_unverified {
            let mut tx = conn.begin().await?;
            audit::record(&mut tx, &entry);
            let owner = known.filter(|user| user.may_sign_in).map(|user| user.uuid);
            if let Some(owner) = owner.filter(|_| admitted.was_last) {
                tx.send_event(&self.slowed(owner)?, None)?;
            }
            if let Some(owner) = owner.filter(|_| reason == "unverified") {
                tx.send_event(&self.unverified(owner)?, None)?;
            }
            // Left to the relay, so that this function needs no right to send.
            tx.commit().await?;
        } else {
            audit::record_alone(&conn, &entry).await?;
        }
        Ok(Error::Unauthenticated("wrong credentials"))
    }

    /// Its id follows from user and day, and a message that is already in the outbox is not written
    /// again: the owner is told once a day.
    fn slowed(&self, user: Uuid) -> Result<EventMessage> {
        let day = self.now().date().to_string();
        let id = Uuid::new_v5(&user, format!("{} {day}", SignInSlowed::NAME).as_bytes());
        let mut message = EventMessage::new(&SignInSlowed { uuid: user, day })?;
        message.id = id;
        Ok(message)
    }

    /// The same for a right password of an address that is not confirmed: the owner gets the link again, once
    /// an hour.
    fn unverified(&self, user: Uuid) -> Result<EventMessage> {
        let now = self.now();
        let hour = format!("{}T{:02}", now.date(), now.hour());
        let id = Uuid::new_v5(&user, format!("{} {hour}", SignInUnverified::NAME).as_bytes());
        let mut message = EventMessage::new(&SignInUnverified { uuid: user, hour })?;
        message.id = id;
        Ok(message)
    }

    /// Returns `None` when the password has changed since it was checked, or when the user has been deleted.
    async fn open(
        &self,
        admitted: &Admitted,
        owner: Owner,
        verified: &PasswordHash,
        renewed: Option<&PasswordHash>,
        client: Client<'_>,
    ) -> Result<Option<TokenPair>> {
        let (id, generation) = (security::random_sid()?, security::random_sid()?);
        let Owner { user, epoch } = owner;
        let (now, kid) = (self.now(), self.tokens.kid());
        let idle_until = now + self.tokens.refresh_lifetime;
        let new = NewSession { id: &id, user, epoch, generation: &generation, kid, now, idle_until, client };
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if let Some(renewed) = renewed
            && !users::renew_hash(&tx, user, verified, renewed).await?
        {
            return Ok(None);
        }
        let verified = renewed.unwrap_or(verified);
        if !sessions::create(&tx, &new, verified, &admitted.place, &admitted.counted).await? {
            return Ok(None);
        }
        sessions::end_oldest(&mut tx, &new, self.tokens.max_sessions);
        let entry = Entry::own(Action::SignIn, user, client.ip);
        audit::record(&mut tx, &entry.with(json!({ "session": id.as_str() })));
        tx.commit().await?;
        self.tokens.pair(user, &id, &generation, now, kid).map(Some)
    }
}
