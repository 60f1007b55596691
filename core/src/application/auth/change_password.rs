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
        repository::{api_keys, audit, sessions, users},
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
    /// `Validation` naming `current` when it is not the password. Not `Unauthenticated`: the token is
    /// good, and a client that refreshes and repeats would only use up the limit.
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
            return Err(wrong_current());
        };
        Ok(PasswordChange { old, new: passwords.hash(new).await? })
    }

    /// Puts the new password in place of the old one, and ends all other sessions of the user: whoever
    /// signed in with the old password is out. Unless `keep_api_keys` says otherwise it ends the user's
    /// API keys too, because whoever knew the old password could make some.
    ///
    /// # Errors
    /// `Unauthenticated` when the session has ended since the change was prepared, `Validation` naming
    /// `current` when the password has changed since then.
    pub async fn change_password(
        &self,
        tx: &mut Tx<'_>,
        token: &Token,
        change: &PasswordChange,
        keep_api_keys: bool,
        client: Client<'_>,
    ) -> Result<()> {
        let (user, now) = (token.user, self.now());
        let replaced = users::replace_hash(&*tx, user, &change.old, &change.new).await?;
        // After the user, as everything locks them. Whoever signed out everywhere meanwhile meant this
        // caller, too.
        let session = sessions::lock(&*tx, &token.session).await?;
        if session.is_none_or(|session| session.is_over(user, now)) {
            return Err(Error::Unauthenticated("the session was ended in the meantime"));
        }
        if !replaced {
            // This session itself has changed the password since it was checked.
            return Err(wrong_current());
        }
        let ended =
            sessions::revoke_all(&*tx, user, Some(&token.session), RevokeReason::PasswordChange, now).await?;
        let keys = if keep_api_keys { 0 } else { api_keys::revoke_all(&*tx, user, now).await? };
        let entry = Entry::own(Action::PasswordChanged, user, client.ip);
        let details = json!({ "session": token.session.as_str(), "ended": ended, "keys": keys });
        audit::record(tx, &entry.with(details));
        Ok(())
    }
}

fn wrong_current() -> Error {
    Error::invalid("current", "wrong")
}
