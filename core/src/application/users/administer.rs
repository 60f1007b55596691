//! What administrators do to the accounts of other users. They cannot change their own, because the last
//! administrator could lock everybody out.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Users;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{Client, RevokeReason},
        users::{User, UserChange},
    },
    infrastructure::{
        repository::{api_keys, audit, credentials, personal, sessions, sign_in_places, users},
        tx::Tx,
    },
};

impl Users<'_> {
    /// # Errors
    /// `NotFound`.
    pub async fn find(&self, user: Uuid) -> Result<User> {
        users::find(&self.db.conn().await?, user).await?.ok_or(Error::NotFound("user"))
    }

    /// Changes a profile, and whether its owner may sign in. If the owner may no longer sign in, all their
    /// sessions and API keys end in the same transaction.
    ///
    /// # Errors
    /// `NotFound`. `Forbidden` for the caller's own account, which has its own endpoint. `Validation` for a
    /// birthday in the future.
    pub async fn change(
        &self,
        tx: &mut Tx<'_>,
        user: Uuid,
        change: UserChange,
        by: Uuid,
        client: Client<'_>,
    ) -> Result<User> {
        not_oneself(user, by)?;
        self.check(&change.birthday)?;
        let fields = change.fields();
        // Locked, so that the audit entry below describes exactly this change.
        let before = users::lock(&*tx, user).await?.ok_or(Error::NotFound("user"))?;
        let after = users::update(&*tx, before.id, change).await?.ok_or(Error::NotFound("user"))?;
        let (action, ended, keys) = match (before.is_active, after.is_active) {
            (true, false) => {
                credentials::raise_epoch(&*tx, user).await?;
                let reason = RevokeReason::Deactivated;
                let ended = sessions::revoke_all(&*tx, user, None, reason, self.now()).await?;
                let keys = api_keys::revoke_all(&*tx, user, self.now()).await?;
                sign_in_places::forget(&*tx, user, None).await?;
                (Action::UserDeactivated, ended, keys)
            }
            (false, true) => (Action::UserActivated, 0, 0),
            _ => (Action::UserUpdated, 0, 0),
        };
        let details = json!({ "fields": fields, "ended": ended, "keys": keys });
        audit::record(tx, &Entry::by(by, action, user, client.ip).with(details));
        Ok(after)
    }

    /// Removes the row at once, and what the register of personal data says. The audit log keeps the uuid.
    ///
    /// # Errors
    /// As [`Users::change`].
    pub async fn delete(&self, tx: &mut Tx<'_>, user: Uuid, by: Uuid, client: Client<'_>) -> Result<()> {
        not_oneself(user, by)?;
        // The user first: a sign-in at this moment waits for that row, and then opens no session.
        if !users::delete(&*tx, user).await? {
            return Err(Error::NotFound("user"));
        }
        let erased = personal::erase(&*tx, user).await?;
        let entry = Entry::by(by, Action::UserDeleted, user, client.ip);
        audit::record(tx, &entry.with(json!({ "sessions": erased.get("auth_session") })));
        Ok(())
    }

    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

fn not_oneself(user: Uuid, by: Uuid) -> Result<()> {
    if user == by { Err(Error::Forbidden) } else { Ok(()) }
}
