//! The old password for a new one, or the first one.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use crate::{
    application::{
        limits::Limits,
        tasks::security_mail::{Notice, SecurityMail},
    },
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, RevokeReason, Token},
        users::{Password, PasswordAttempt, PasswordHash, User},
    },
    infrastructure::{
        repository::{api_keys, audit, credentials, sessions, sign_in_places},
        security::{
            Pseudonym,
            password::{Match, Passwords},
        },
        tx::Tx,
    },
};

/// The password that a user is about to change, and where they are.
#[derive(Debug)]
pub struct StoredPassword {
    user: Uuid,
    hash: Option<PasswordHash>,
    place: Option<Pseudonym>,
}

/// A change that may be made: the user has proved their identity, the new password is hashed.
#[derive(Debug)]
pub struct PasswordChange {
    old: Option<PasswordHash>,
    new: PasswordHash,
    place: Option<Pseudonym>,
}

impl Auth<'_> {
    /// The stored password of a user who is about to change it.
    ///
    /// # Errors
    /// `RateLimited`: a stolen access token is no licence to guess it.
    pub async fn password_of(
        &self,
        limits: &Limits<'_>,
        user: &User,
        client: Client<'_>,
    ) -> Result<StoredPassword> {
        limits.password_change(user.uuid, client.ip).await?;
        let known = credentials::find(&self.db.conn().await?, user.uuid).await?;
        let place = user.handle().map(|handle| limits.place(&handle, client.ip));
        Ok(StoredPassword { user: user.uuid, hash: known.and_then(|user| user.password), place })
    }

    /// The slow part, outside of any transaction: checks the old password, hashes the new one. A user without a
    /// password has no other proof to send, and so must have proved their identity recently.
    ///
    /// # Errors
    /// `Validation` naming `current` when it is missing or not the password. Not `Unauthenticated`: the token is
    /// good, and a client that refreshes and repeats would only use up the limit. `Reauthenticate` for a user
    /// without a password and without a recent proof.
    pub async fn prepare_password_change(
        &self,
        passwords: &Passwords,
        stored: StoredPassword,
        current: Option<&PasswordAttempt>,
        proved_recently: bool,
        new: &Password,
        client: Client<'_>,
    ) -> Result<PasswordChange> {
        let StoredPassword { user, hash, place } = stored;
        let is_right = match (current, &hash) {
            (None, None) if proved_recently => true,
            (None, None) => return Err(Error::Reauthenticate),
            (None, Some(_)) => return Err(Error::invalid("current", "required")),
            (Some(current), _) => passwords.verify(current, hash.as_ref()).await? != Match::No,
        };
        if !is_right {
            let failed =
                Entry { outcome: Outcome::Failure, ..Entry::own(Action::PasswordChanged, user, client.ip) };
            audit::record_alone(&self.db.conn().await?, &failed).await?;
            return Err(Error::invalid("current", "wrong"));
        }
        Ok(PasswordChange { old: hash, new: passwords.hash(new).await?, place })
    }

    /// Replaces the old password and ends all other sessions of the user, because somebody else may have
    /// signed in with the old password. It also ends the user's API keys, unless `keep_api_keys` is set,
    /// because somebody who knew the old password could have created some. For the same reason it forgets all
    /// places where the user has signed in, except this one. A mail tells the user.
    ///
    /// # Errors
    /// `Unauthenticated` when the session has ended since the change was prepared. `Unavailable` when the
    /// stored hash has changed since then: a repetition checks the current one.
    pub async fn change_password(
        &self,
        tx: &mut Tx<'_>,
        token: &Token,
        change: &PasswordChange,
        keep_api_keys: bool,
        client: Client<'_>,
    ) -> Result<()> {
        let (user, now) = (token.user, self.now());
        let replaced = credentials::change_hash(&*tx, user, change.old.as_ref(), &change.new).await?;
        // Locked after the user, which is the order everywhere. If the user has signed out everywhere in the
        // meantime, this session has ended too.
        sessions::lock_live(&*tx, token, now).await?;
        if !replaced {
            // A sign-in has renewed the hash of the same password, or this session has changed the password.
            return Err(Error::unavailable("user", "the user changed while the password was changed"));
        }
        sign_in_places::forget(&*tx, user, change.place.as_ref()).await?;
        let ended =
            sessions::revoke_all(&*tx, user, Some(&token.session), RevokeReason::PasswordChange, now).await?;
        let keys = if keep_api_keys { 0 } else { api_keys::revoke_all(&*tx, user, now).await? };
        SecurityMail::about(user, Notice::PasswordChanged)?.write(tx).await?;
        let entry = Entry::own(Action::PasswordChanged, user, client.ip);
        let details = json!({ "session": token.session.as_str(), "ended": ended, "keys": keys });
        audit::record(tx, &entry.with(details));
        Ok(())
    }
}
