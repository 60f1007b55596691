//! Making users, changing them, and taking their access away.

use serde_json::json;
use uuid::Uuid;

use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, RevokeReason},
        clock::Clock,
        users::{Email, NewUser, Password, Phone, ProfileChange, User, events::UserCreated},
    },
    infrastructure::{db::Db, messaging::Outgoing, repository, security::password::Passwords},
};

pub struct Users<'a> {
    pub(crate) db: &'a Db,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) passwords: &'a Passwords,
}

/// A user who now exists, and the messages that say so, still to be sent.
#[derive(Debug)]
pub struct Created {
    pub user: User,
    pub outgoing: Vec<Outgoing>,
}

impl Users<'_> {
    /// # Errors
    /// `AlreadyExists("email")`.
    pub async fn create_by_email(
        &self,
        email: Email,
        password: &Password,
        client: Client<'_>,
    ) -> Result<Created> {
        // Before the transaction: a hash takes tens of milliseconds, and the connection is the only one.
        let hash = self.passwords.hash(password).await?;
        self.create(NewUser { email: Some(email), phone: None, password: Some(hash) }, client).await
    }

    /// # Errors
    /// `AlreadyExists("phone")`.
    pub async fn create_by_phone(
        &self,
        phone: Phone,
        password: &Password,
        client: Client<'_>,
    ) -> Result<Created> {
        let hash = self.passwords.hash(password).await?;
        self.create(NewUser { email: None, phone: Some(phone), password: Some(hash) }, client).await
    }

    /// # Errors
    /// `NotFound` when the user has been deleted in the meantime.
    pub async fn update_profile(&self, id: i64, change: ProfileChange) -> Result<User> {
        let updated = repository::users::update_profile(&self.db.conn().await?, id, change).await?;
        updated.ok_or(Error::NotFound("user"))
    }

    /// Ends all sessions of the user, too: made active again, the user signs in anew, and no token of
    /// before comes back to life. `actor` is whoever does it.
    ///
    /// # Errors
    /// `NotFound` when there is no active user of this uuid.
    pub async fn deactivate(&self, user: Uuid, actor: Uuid, client: Client<'_>) -> Result<()> {
        let (now, reason) = (self.clock.now(), RevokeReason::Deactivated);
        let mut conn = self.db.conn().await?;
        let tx = conn.begin().await?;
        // The user first: a sign-in that is under way waits for this, or this for it.
        if !repository::users::deactivate(&tx, user).await? {
            return Err(Error::NotFound("user"));
        }
        let ended = repository::sessions::revoke_all(&tx, user, None, reason, now).await?;
        let entry = Entry {
            action: Action::UserDeactivated,
            outcome: Outcome::Success,
            actor: Some(actor),
            subject: Some(user),
            ip: client.ip,
            details: json!({ "ended": ended }),
        };
        repository::audit::record(&tx, &entry).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn create(&self, new: NewUser, client: Client<'_>) -> Result<Created> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let user = repository::users::create(&tx, &new).await?;
        repository::audit::record(&tx, &Entry::own(Action::SignUp, user.uuid, client.ip)).await?;
        tx.record(&UserCreated { uuid: user.uuid })?;
        let outgoing = tx.commit().await?;
        Ok(Created { user, outgoing })
    }
}

impl std::fmt::Debug for Users<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}
