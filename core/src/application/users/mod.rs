//! Users: making them, changing them, and what administrators and operators do to them.

mod administer;
pub mod emails;
pub mod erase;
mod export;
mod private_sign_up;
pub mod profiles;
mod sign_up;
mod walk;

pub use sign_up::{SignUp, SignedUp};

use crate::{
    domain::{
        Error, Result,
        clock::Clock,
        patch::Patch,
        users::{Birthday, Password, PasswordHash, ProfileChange, User},
    },
    infrastructure::{
        db::{Db, Sql},
        repository,
        security::password::Passwords,
    },
};

pub struct Users<'a> {
    pub(crate) db: &'a Db,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) passwords: &'a Passwords,
}

impl Users<'_> {
    /// Hashes the password of a user who is about to be created. Outside of any transaction: a hash
    /// takes tens of milliseconds, and the connection is the only one.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        self.passwords.hash(password).await
    }

    /// # Errors
    /// `NotFound` when the user has been deleted in the meantime. `Validation` for a birthday in the
    /// future.
    pub async fn update_profile(&self, sql: &impl Sql, id: i64, change: ProfileChange) -> Result<User> {
        self.check(&change.birthday)?;
        let updated = repository::users::update(sql, id, change.into()).await?;
        updated.ok_or(Error::NotFound("user"))
    }

    fn check(&self, birthday: &Patch<Birthday>) -> Result<()> {
        match birthday {
            Patch::Set(day) => self.check_birthday(*day),
            Patch::Absent | Patch::Null => Ok(()),
        }
    }

    /// # Errors
    /// `Validation` for a birthday in the future.
    pub fn check_birthday(&self, day: Birthday) -> Result<()> {
        if day.is_after(self.clock.now()) { Err(Error::invalid("birthday", "range")) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Users<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}
