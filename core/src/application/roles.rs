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
    /// `NotFound` with `user` or `role`.
    pub async fn grant(&self, email: &Email, role: &str) -> Result<RoleChange> {
        self.change(email, role, Change::Grant).await
    }

    /// # Errors
    /// As [`Roles::grant`].
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
            Change::Grant => (roles::grant(&tx, user, role).await?, Action::RoleGranted),
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
