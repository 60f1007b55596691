//! Table `users`, by phone number: who holds it, and whether they have proved it.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    column,
    credentials::{self, Credentials},
    users::Holder,
};
use crate::{
    domain::{Error, Result, users::Phone},
    infrastructure::db::Sql,
};

/// Returns what sign-in needs to know about the user who holds a number. `is_verified` is about the number.
pub async fn credentials(sql: &impl Sql, phone: &Phone) -> Result<Option<Credentials>> {
    let columns = credentials::columns("phone_verified_at");
    let text = format!("select uuid, {columns} from users where phone = $1");
    sql.row(&text, &[&phone.as_str()]).await?.as_ref().map(Credentials::from_row).transpose()
}

pub async fn holder(sql: &impl Sql, phone: &Phone) -> Result<Option<Holder>> {
    let text = "select uuid, phone_verified_at is not null as proved from users where phone = $1";
    let Some(row) = sql.row(text, &[&phone.as_str()]).await? else { return Ok(None) };
    Ok(Some(Holder { user: column(&row, "uuid")?, is_proved: column(&row, "proved")? }))
}

/// Locks a user and the holder of a number until the caller's transaction ends. Locks them in the order of their
/// uuids, because two users who take each other's number would wait for each other otherwise.
pub async fn lock_holders(tx: &impl Sql, user: Uuid, phone: &Phone) -> Result<()> {
    let text = "select uuid from users where uuid = $1 or phone = $2 order by uuid for update";
    tx.rows(text, &[&user, &phone.as_str()]).await.map(drop)
}

/// Gives a number to a user who has proved it, and raises the epoch. It is taken from a user who has not proved it,
/// whose epoch rises too. Returns the user who lost it. The caller holds the locks of [`lock_holders`].
///
/// # Errors
/// `AlreadyExists` with `phone` when its holder has proved it. Also when somebody signed up with it at this moment: the
/// caller tries again.
pub async fn take(tx: &impl Sql, user: Uuid, phone: &Phone, now: OffsetDateTime) -> Result<Option<Uuid>> {
    let loser = "update users set phone = null, epoch = epoch + 1, updated_at = now()
                 where phone = $1 and uuid <> $2 and phone_verified_at is null returning uuid";
    let loser = tx.row(loser, &[&phone.as_str(), &user]).await?;
    // A holder who has proved the number keeps it.
    let text = "update users set phone = $1, phone_verified_at = $3, epoch = epoch + 1, updated_at = now()
                where uuid = $2 and not exists (select from users where phone = $1 and uuid <> $2)";
    if tx.execute(text, &[&phone.as_str(), &user, &now]).await? == 0 {
        return Err(Error::AlreadyExists("phone".into()));
    }
    loser.as_ref().map(|row| column(row, "uuid")).transpose()
}

/// Returns whether a user has proved the number that they hold, if that is another than this one.
pub async fn has_proved_another(sql: &impl Sql, user: Uuid, phone: &Phone) -> Result<Option<bool>> {
    let text = "select phone_verified_at is not null as proved from users where uuid = $1 and phone <> $2";
    sql.row(text, &[&user, &phone.as_str()]).await?.map(|row| column(&row, "proved")).transpose()
}

/// Returns the proved number of a user who has no address.
pub async fn only_handle(sql: &impl Sql, user: Uuid) -> Result<Option<Phone>> {
    let text = "select phone from users where uuid = $1 and email is null and phone_verified_at is not null";
    let Some(row) = sql.row(text, &[&user]).await? else { return Ok(None) };
    Ok(Phone::parse(column(&row, "phone")?).ok())
}

/// Whether an account may lose the number that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    NoNumber,
    /// The account has no proved address: only the number shows whose it is.
    OnlyHandle,
    /// The account had only the number until a short time ago, when somebody added an address.
    BeforeAddress,
    Free,
}

/// Returns whether the account of a user may lose its number. An address that was added after `since` is a new one.
pub async fn standing(sql: &impl Sql, user: Uuid, since: OffsetDateTime) -> Result<Standing> {
    let text = "select email_verified_at is not null as has_proved_email,
                       coalesce(email_added_at >= greatest(phone_verified_at, $2), false) as is_before_address
                from users where uuid = $1 and phone is not null";
    let Some(row) = sql.row(text, &[&user, &since]).await? else { return Ok(Standing::NoNumber) };
    Ok(if !column(&row, "has_proved_email")? {
        Standing::OnlyHandle
    } else if column(&row, "is_before_address")? {
        Standing::BeforeAddress
    } else {
        Standing::Free
    })
}

/// Leaves a user without a number, and raises the epoch. The caller holds the user's lock.
pub async fn remove(tx: &impl Sql, user: Uuid) -> Result<()> {
    let text =
        "update users set phone = null, phone_verified_at = null, epoch = epoch + 1, updated_at = now()
                where uuid = $1";
    tx.execute(text, &[&user]).await.map(drop)
}

/// Leaves a user without a number that was proved at `since` or later, unless it is older than the address: the owner
/// of a number wins over somebody who added an address to it. Returns whether there was one. The caller holds the
/// user's lock, and raises the epoch for other reasons.
pub async fn remove_since(tx: &impl Sql, user: Uuid, since: OffsetDateTime) -> Result<bool> {
    let text = "update users set phone = null, phone_verified_at = null, updated_at = now()
                where uuid = $1 and phone_verified_at >= $2
                  and (email_added_at is null or phone_verified_at > email_added_at)";
    Ok(tx.execute(text, &[&user, &since]).await? > 0)
}
