//! Table `users`: what proves who a user is, and the epoch, which counts its changes.

use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::column;
use crate::{
    domain::{Result, users::PasswordHash},
    infrastructure::db::Sql,
};

/// What sign-in needs to know.
#[derive(Debug)]
pub struct Credentials {
    pub uuid: Uuid,
    pub may_sign_in: bool,
    /// When the user asked for the deletion of the account. `None` for a user whom an administrator has banned, who
    /// learns nothing of it.
    pub deleted_at: Option<OffsetDateTime>,
    /// Whether the address is proved, or the number of a sign-in by phone.
    pub is_verified: bool,
    pub epoch: i32,
    pub password: Option<PasswordHash>,
}

impl Credentials {
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        let hash: Option<String> = column(row, "password_hashed")?;
        Ok(Self {
            uuid: column(row, "uuid")?,
            may_sign_in: column(row, "may_sign_in")?,
            deleted_at: column(row, "deletion")?,
            is_verified: column(row, "is_verified")?,
            epoch: column(row, "epoch")?,
            password: hash.map(PasswordHash::new),
        })
    }
}

/// Returns the columns that [`Credentials`] are read from, next to `uuid`. `verified_at` is the column of the proof that
/// `is_verified` is about.
pub(super) fn columns(verified_at: &str) -> String {
    format!(
        "is_active and deleted_at is null as may_sign_in,
         case when is_active and deleted_at is not null then deleted_at end as deletion,
         {verified_at} is not null as is_verified, epoch, password_hashed"
    )
}

/// Returns what sign-in needs to know about a user. `is_verified` is about the address.
pub async fn find(sql: &impl Sql, uuid: Uuid) -> Result<Option<Credentials>> {
    let text = format!("select uuid, {} from users where uuid = $1", columns("email_verified_at"));
    sql.row(&text, &[&uuid]).await?.as_ref().map(Credentials::from_row).transpose()
}

/// Locks a user until the caller's transaction ends, if they may sign in and still have this password and epoch.
/// Returns whether they have.
pub async fn lock_verified(tx: &impl Sql, uuid: Uuid, hash: &PasswordHash, epoch: i32) -> Result<bool> {
    let text = "select uuid from users where uuid = $1 and password_hashed = $2 and epoch = $3
                  and is_active and deleted_at is null for no key update";
    Ok(tx.row(text, &[&uuid, &hash.expose(), &epoch]).await?.is_some())
}

/// Puts another hash of the same password in the place of `old`. Returns whether `old` still stood there,
/// with a user who may sign in.
pub async fn renew_hash(sql: &impl Sql, uuid: Uuid, old: &PasswordHash, new: &PasswordHash) -> Result<bool> {
    replace_hash(sql, uuid, Some(old), new, 0).await
}

/// Puts the hash of another password in the place of `old`, or of no hash, and raises the epoch. Returns what
/// [`renew_hash`] returns.
pub async fn change_hash(
    sql: &impl Sql,
    uuid: Uuid,
    old: Option<&PasswordHash>,
    new: &PasswordHash,
) -> Result<bool> {
    replace_hash(sql, uuid, old, new, 1).await
}

async fn replace_hash(
    sql: &impl Sql,
    uuid: Uuid,
    old: Option<&PasswordHash>,
    new: &PasswordHash,
    epochs: i32,
) -> Result<bool> {
    let count = sql
        .execute(
            "update users set password_hashed = $3, epoch = epoch + $4, updated_at = now()
             where uuid = $1 and password_hashed is not distinct from $2 and is_active and deleted_at is null",
            &[&uuid, &old.map(PasswordHash::expose), &new.expose(), &epochs],
        )
        .await?;
    Ok(count > 0)
}

/// Gives a user a password, whatever stood there before. The caller holds the user's lock, and has raised the epoch.
pub async fn set_hash(tx: &impl Sql, uuid: Uuid, new: &PasswordHash) -> Result<()> {
    let text = "update users set password_hashed = $2, updated_at = now() where uuid = $1";
    tx.execute(text, &[&uuid, &new.expose()]).await.map(drop)
}

/// Ends all challenges of a user, and every sign-in that has not stored its session yet. To be called in the
/// transaction of each change of what proves who the user is.
pub async fn raise_epoch(tx: &impl Sql, uuid: Uuid) -> Result<()> {
    tx.execute("update users set epoch = epoch + 1 where uuid = $1", &[&uuid]).await.map(drop)
}

/// Removes all that a user can sign in with from the user's row, and raises the epoch.
pub async fn remove(tx: &impl Sql, uuid: Uuid) -> Result<()> {
    let text =
        "update users set password_hashed = null, phone = null, phone_verified_at = null, epoch = epoch + 1
                where uuid = $1";
    tx.execute(text, &[&uuid]).await.map(drop)
}
