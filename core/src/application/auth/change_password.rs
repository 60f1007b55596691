//! The old password for a new one.

use serde_json::json;

use super::Auth;
use crate::{
    application::limits::Limits,
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, RevokeReason, Token},
        users::{Password, PasswordAttempt},
    },
    infrastructure::{
        repository::{audit, sessions, users},
        security::password::{Match, Passwords},
    },
};

impl Auth<'_> {
    /// Ends all other sessions of the user: whoever knew the old password is out.
    ///
    /// # Errors
    /// `Unauthenticated` when `current` is not the password, or the caller's session is over by the time
    /// both passwords have been hashed. `RateLimited`: a stolen access token is
    /// no licence to guess it.
    pub async fn change_password(
        &self,
        passwords: &Passwords,
        limits: &Limits<'_>,
        token: &Token,
        current: &PasswordAttempt,
        new: &Password,
        client: Client<'_>,
    ) -> Result<()> {
        let (user, now) = (token.user, self.now());
        limits.password_change(user, client.ip).await?;
        let known = users::credentials_by_uuid(&self.db.conn().await?, user).await?;
        let old = known.and_then(|user| user.password);
        let matches = passwords.verify(current, old.as_ref()).await? != Match::No;
        let Some(old) = old.filter(|_| matches) else {
            let failed =
                Entry { outcome: Outcome::Failure, ..Entry::own(Action::PasswordChanged, user, client.ip) };
            audit::record_alone(&self.db.conn().await?, &failed).await?;
            return Err(Error::Unauthenticated("wrong current password"));
        };
        // Before the transaction: a hash takes tens of milliseconds.
        let hash = passwords.hash(new).await?;
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if !users::replace_hash(&tx, user, &old, &hash).await? {
            return Err(Error::Unauthenticated("the password was changed in the meantime"));
        }
        // After the user, as everything locks them. Whoever signed out everywhere meanwhile meant this
        // caller, too.
        let session = sessions::lock(&tx, &token.session).await?;
        if session.is_none_or(|session| session.is_over(user, now)) {
            return Err(Error::Unauthenticated("the session was ended in the meantime"));
        }
        let ended =
            sessions::revoke_all(&tx, user, Some(&token.session), RevokeReason::PasswordChange, now).await?;
        let entry = Entry::own(Action::PasswordChanged, user, client.ip);
        audit::record(&mut tx, &entry.with(json!({ "session": token.session.as_str(), "ended": ended })));
        tx.commit().await?;
        Ok(())
    }
}
