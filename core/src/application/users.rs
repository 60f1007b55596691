//! Users: making them, changing them, and what administrators do to them.

mod administer;

use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::Client,
        clock::Clock,
        users::{Email, NewUser, Password, Phone, ProfileChange, User, events::UserCreated},
    },
    infrastructure::{
        db::{Db, Sql},
        messaging::Outgoing,
        repository,
        security::password::Passwords,
    },
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
    pub async fn update_profile(&self, sql: &impl Sql, id: i64, change: ProfileChange) -> Result<User> {
        let updated = repository::users::update(sql, id, change.into()).await?;
        updated.ok_or(Error::NotFound("user"))
    }

    async fn create(&self, new: NewUser, client: Client<'_>) -> Result<Created> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let user = repository::users::create(&tx, &new).await?;
        repository::audit::record(&mut tx, &Entry::own(Action::SignUp, user.uuid, client.ip));
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
