//! E-mail address or phone number, and a password, for a new session.

use serde_json::json;
use uuid::Uuid;

use super::{Auth, new_place::tell_of, slowed::slowed};
use crate::{
    application::limits::{Admitted, Limits},
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, NewSession, TokenPair, challenge::Owner, events::SignInUnverified},
        event::Event,
        users::{Handle, PasswordAttempt, PasswordHash},
    },
    infrastructure::{
        messaging::envelope::EventMessage,
        repository::{
            audit, challenges,
            credentials::{self, Credentials},
            emails, phones, sessions,
        },
        security::{
            self,
            password::{Match, Passwords},
        },
    },
    telemetry::Metric,
};

/// What right credentials lead to.
#[derive(Debug)]
pub enum SignIn {
    /// A new session.
    Opened(TokenPair),
    /// No session, because the user has asked for the deletion of the account. The challenge restores it.
    DeletionPending(Uuid),
}

/// A failed try.
struct Refusal {
    /// The pseudonym of the address.
    account: String,
    known: Option<Credentials>,
    outcome: Match,
    /// The challenge that takes the deletion of the account back.
    pending: Option<Uuid>,
}

impl Auth<'_> {
    /// Checks the password and opens a session. Five round trips, one more when the hash is renewed, and one more at a
    /// new place, which its owner is told of. Nobody without the right password can tell a new place by the time.
    ///
    /// # Errors
    /// `Unauthenticated` for an unknown address or number, a wrong password and a deactivated user alike,
    /// after the same work. `RateLimited` for all of them alike, too.
    pub async fn sign_in(
        &self,
        passwords: &Passwords,
        limits: &Limits<'_>,
        handle: &Handle,
        attempt: &PasswordAttempt,
        client: Client<'_>,
    ) -> Result<SignIn> {
        let admitted = limits.sign_in(handle, client.ip).await?;
        // Between reading a hash and storing a session, another sign-in may have renewed the hash, or
        // its owner changed the password. The second look tells which.
        for _ in 0..2 {
            let conn = self.db.conn().await?;
            let known = match handle {
                Handle::Email(email) => emails::credentials(&conn, email).await?,
                Handle::Phone(phone) => phones::credentials(&conn, phone).await?,
            };
            drop(conn);
            let hash = known.as_ref().and_then(|user| user.password.as_ref());
            let outcome = passwords.verify(attempt, hash).await?;
            let (owner, hash) = match known {
                Some(Credentials {
                    uuid: user,
                    may_sign_in: true,
                    epoch,
                    password: Some(hash),
                    is_verified,
                    deleted_at: _,
                }) if outcome != Match::No && (is_verified || !self.tokens.deny_unverified) => {
                    (Owner { user, epoch }, hash)
                }
                known => {
                    let account = limits.pseudonym(handle);
                    let is_right = outcome != Match::No;
                    let pending = match known.as_ref().and_then(|user| user.deleted_at.zip(Some(user.uuid))) {
                        Some((at, user)) if is_right => {
                            challenges::restoring(&self.db.conn().await?, user, at, self.now()).await?
                        }
                        _ => None,
                    };
                    let refusal = Refusal { account, known, outcome, pending };
                    let error = self.refuse(&admitted, refusal, client).await?;
                    return pending.map(SignIn::DeletionPending).ok_or(error);
                }
            };
            // Before the transaction: a hash takes tens of milliseconds.
            let renewed =
                if outcome == Match::Outdated { Some(passwords.renew(attempt).await?) } else { None };
            if let Some(pair) = self.open(&admitted, owner, &hash, renewed.as_ref(), client).await? {
                return Ok(SignIn::Opened(pair));
            }
        }
        Err(Error::unavailable("user", "the user changed while signing in"))
    }

    /// Notes a failed try, by the same statement whatever the reason. It was counted when it came. If it
    /// was the account's last one for a while, its owner is told, in as many round trips as it takes
    /// without an owner.
    async fn refuse(&self, admitted: &Admitted, refusal: Refusal, client: Client<'_>) -> Result<Error> {
        let Refusal { account, known, outcome, pending } = refusal;
        let reason = match (&known, outcome, pending) {
            (None, _, _) => "unknown",
            (Some(_), Match::No, _) => "password",
            (Some(_), _, Some(_)) => "deletion_pending",
            (Some(user), _, None) if user.may_sign_in => "unverified",
            (Some(_), _, None) => "inactive",
        };
        // No user has this id: the database makes ids of version 4.
        let nobody = Uuid::new_v5(&Uuid::NAMESPACE_OID, account.as_bytes());
        let entry = Entry {
            action: Action::SignIn,
            outcome: Outcome::Failure,
            actor: None,
            subject: known.as_ref().map(|user| user.uuid),
            ip: client.ip,
            details: json!({ "reason": reason, "account": account }),
        };
        let mut conn = self.db.conn().await?;
        // With the setting, all refusals emit the same event: the time must not tell which of them starts a mail.
        if admitted.was_last || self.tokens.deny_unverified {
            let mut tx = conn.begin().await?;
            audit::record(&mut tx, &entry);
            let owner = known.filter(|user| user.may_sign_in).map(|user| user.uuid);
            if let Some(owner) = owner.filter(|_| admitted.was_last) {
                tx.send_event(&slowed(owner, self.now())?, None)?;
            }
            if self.tokens.deny_unverified {
                let user = owner.filter(|_| reason == "unverified").unwrap_or(nobody);
                tx.send_event(&self.unverified(user)?, None)?;
            }
            // Left to the relay, so that this function needs no right to send.
            tx.commit().await?;
        } else {
            audit::record_alone(&conn, &entry).await?;
        }
        Metric::SIGN_IN_FAILURES.one(reason);
        Ok(Error::Unauthenticated("wrong credentials"))
    }

    /// Returns the event of a refusal. As for [`slowed`], its id decides how often the owner of an address that is not
    /// confirmed gets the link again: once an hour.
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
        let new = NewSession {
            id: &id,
            user,
            epoch,
            generation: &generation,
            kid,
            now,
            idle_until,
            is_proof: true,
            client,
        };
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if let Some(renewed) = renewed
            && !credentials::renew_hash(&tx, user, verified, renewed).await?
        {
            return Ok(None);
        }
        let verified = renewed.unwrap_or(verified);
        let opened = sessions::create(&tx, &new, Some(verified), &admitted.place, &admitted.counted).await?;
        let Some(opened) = opened else { return Ok(None) };
        tell_of(&mut tx, &new, opened).await?;
        sessions::end_oldest(&mut tx, &new, self.tokens.max_sessions);
        let entry = Entry::own(Action::SignIn, user, client.ip);
        audit::record(&mut tx, &entry.with(json!({ "session": id.as_str() })));
        // A mail is left to the relay, so that this function needs no right to send.
        tx.commit().await?;
        self.tokens.pair(user, &id, &generation, now, kid).map(Some)
    }
}
