//! Roles: which there are, and giving them to users. An operator does it, through the function
//! `operations`: there is no endpoint by which a permission could be widened.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        users::Email,
    },
    infrastructure::{
        db::Db,
        repository::{
            audit, emails,
            roles::{self, Role},
            users,
        },
    },
};

#[derive(Debug)]
pub struct Roles<'a> {
    pub(crate) db: &'a Db,
}

/// What became of a grant or its end.
#[derive(Debug, Serialize)]
pub struct RoleChange {
    pub user: Uuid,
    /// false: it was so already, and nothing was noted.
    pub changed: bool,
}

#[derive(Clone, Copy)]
enum Change {
    Grant,
    Revoke,
}

impl Roles<'_> {
    /// Every role, by name.
    pub async fn list(&self) -> Result<Vec<Role>> {
        roles::list(&self.db.conn().await?).await
    }

    /// Counts at the user's next request.
    ///
    /// # Errors
    /// `NotFound` with `user` or `role`. `Validation` naming `email` as `unproved`: anybody can sign up with the address
    /// of somebody else, and the operator means the one who reads its mails.
    pub async fn grant(&self, email: &Email, role: &str) -> Result<RoleChange> {
        self.change(email, role, Change::Grant).await
    }

    /// # Errors
    /// `NotFound` with `user` or `role`.
    pub async fn revoke(&self, email: &Email, role: &str) -> Result<RoleChange> {
        self.change(email, role, Change::Revoke).await
    }

    async fn change(&self, email: &Email, role: &str, change: Change) -> Result<RoleChange> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let user = emails::owner(&tx, email).await?.ok_or(Error::NotFound("user"))?;
        if !roles::exists(&tx, role).await? {
            return Err(Error::NotFound("role"));
        }
        let (changed, action) = match change {
            Change::Grant => {
                // Locked, so that nobody gives the user another address meanwhile.
                emails::lock(&tx, user).await?;
                if !users::has_verified_email(&tx, user).await? {
                    return Err(Error::invalid("email", "unproved"));
                }
                (roles::grant(&tx, user, role).await?, Action::RoleGranted)
            }
            Change::Revoke => (roles::revoke(&tx, user, role).await?, Action::RoleRevoked),
        };
        if changed {
            let entry = Entry::by_operator(action, user).with(json!({ "role": role }));
            audit::record(&mut tx, &entry);
        }
        tx.commit().await?;
        Ok(RoleChange { user, changed })
    }
}
