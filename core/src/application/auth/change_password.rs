//! The old password for a new one.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use crate::{
    application::limits::Limits,
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, RevokeReason, Token},
        users::{Password, PasswordAttempt, PasswordHash},
    },
    infrastructure::{
        db::Tx,
        repository::{audit, sessions, users},
        security::password::{Match, Passwords},
    },
};

/// A change that may be made: the old password was right, the new one is hashed.
#[derive(Debug)]
pub struct PasswordChange {
    old: PasswordHash,
    new: PasswordHash,
}

impl Auth<'_> {
    /// The stored password of a user who is about to change it.
    ///
    /// # Errors
    /// `RateLimited`: a stolen access token is no licence to guess it.
    pub async fn password_of(
        &self,
        limits: &Limits<'_>,
        user: Uuid,
        client: Client<'_>,
    ) -> Result<Option<PasswordHash>> {
        limits.password_change(user, client.ip).await?;
        let known = users::credentials_by_uuid(&self.db.conn().await?, user).await?;
        Ok(known.and_then(|user| user.password))
    }

    /// The slow part, outside of any transaction: checks the old password, hashes the new one.
    ///
    /// # Errors
    /// `Unauthenticated` when `current` is not the password.
    pub async fn prepare_password_change(
        &self,
        passwords: &Passwords,
        stored: Option<PasswordHash>,
        user: Uuid,
        current: &PasswordAttempt,
        new: &Password,
        client: Client<'_>,
    ) -> Result<PasswordChange> {
        let matches = passwords.verify(current, stored.as_ref()).await? != Match::No;
        let Some(old) = stored.filter(|_| matches) else {
            let failed =
                Entry { outcome: Outcome::Failure, ..Entry::own(Action::PasswordChanged, user, client.ip) };
            audit::record_alone(&self.db.conn().await?, &failed).await?;
            return Err(Error::Unauthenticated("wrong current password"));
        };
        Ok(PasswordChange { old, new: passwords.hash(new).await? })
    }

    /// Ends all other sessions of the user: whoever signed in with the old password is out.
    ///
    /// # Errors
    /// `Unauthenticated` when password or session are no longer what they were when it was prepared.
    pub async fn change_password(
        &self,
        tx: &mut Tx<'_>,
        token: &Token,
        change: &PasswordChange,
        client: Client<'_>,
    ) -> Result<()> {
        let (user, now) = (token.user, self.now());
        if !users::replace_hash(&*tx, user, &change.old, &change.new).await? {
            return Err(Error::Unauthenticated("the password was changed in the meantime"));
        }
        // After the user, as everything locks them. Whoever signed out everywhere meanwhile meant this
        // caller, too.
        let session = sessions::lock(&*tx, &token.session).await?;
        if session.is_none_or(|session| session.is_over(user, now)) {
            return Err(Error::Unauthenticated("the session was ended in the meantime"));
        }
        let ended =
            sessions::revoke_all(&*tx, user, Some(&token.session), RevokeReason::PasswordChange, now).await?;
        let entry = Entry::own(Action::PasswordChanged, user, client.ip);
        audit::record(tx, &entry.with(json!({ "session": token.session.as_str(), "ended": ended })));
        Ok(())
    }
}
