//! Table `sign_in_place`: where a user has signed in lately. [`super::sessions::create`] adds to it.

use uuid::Uuid;

use crate::{
    domain::Result,
    infrastructure::{db::Sql, security::Pseudonym},
};

/// Forgets the places of a user but `except`. Somebody else may have signed in there.
///
/// Skips a row that somebody else is deleting. To wait for it could be a deadlock.
pub async fn forget(sql: &impl Sql, user: Uuid, except: Option<&Pseudonym>) -> Result<()> {
    let text = "delete from sign_in_place where key in (
                  select key from sign_in_place where user_uuid = $1 and key is distinct from $2
                  for update skip locked)";
    let except = except.map(Pseudonym::as_bytes);
    sql.execute(text, &[&user, &except]).await.map(drop)
}
