//! Table `users`, where an address goes from one user to another.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    column,
    emails::{self, CANONICAL_OR_ROUGH},
    users::Holder,
};
use crate::{
    domain::{Result, users::Email},
    infrastructure::db::{Parameter, Sql},
};

/// Locks a user and everybody who may hold an address, until the caller's transaction ends. In the order of their
/// uuids: two transactions that take addresses from each other's users do not wait for each other.
pub async fn lock(tx: &impl Sql, user: Uuid, email: &Email) -> Result<()> {
    let text = format!(
        "select uuid from users where uuid = any(array(
           select $1::uuid union select uuid from users
           where {CANONICAL_OR_ROUGH} = any($2) and (email_canonical is null or email_canonical = $3)))
         order by uuid for update"
    );
    let (forms, canonical) = (email.rough_forms(), email.canonical());
    let params: [&dyn Parameter; 3] = [&user, &forms, &canonical];
    tx.rows(&text, &params).await.map(drop)
}

/// Returns everybody who holds an address.
pub async fn holders(sql: &impl Sql, email: &Email) -> Result<Vec<Holder>> {
    let found = emails::rows(sql, email, ", email_verified_at is not null as proved").await?;
    let holder = |(stored, row): &(emails::StoredEmail, _)| {
        Ok(Holder { user: stored.user, is_proved: column(row, "proved")? })
    };
    found.iter().map(holder).collect()
}

/// Leaves a user without the address that they have not proved, and raises the epoch. Returns whether it did: a user
/// who has proved the address by now keeps it.
pub async fn vacate(tx: &impl Sql, user: Uuid) -> Result<bool> {
    let text = "update users set email = null, email_canonical = null, epoch = epoch + 1, updated_at = now()
                where uuid = $1 and email_verified_at is null";
    Ok(tx.execute(text, &[&user]).await? > 0)
}

/// Gives a user an address that is proved, and raises the epoch. The caller holds the user's lock.
///
/// # Errors
/// `AlreadyExists` with `email` when another user has it.
pub async fn give(tx: &impl Sql, user: Uuid, email: &Email, now: OffsetDateTime) -> Result<()> {
    // On the right of `=`, `email` is the address from before.
    let text = "update users set email = $2, email_canonical = $3, email_verified_at = $4,
                       email_added_at = case when email is null then $4 else email_added_at end,
                       epoch = epoch + 1, updated_at = now()
                where uuid = $1";
    let params: [&dyn Parameter; 4] = [&user, &email.typed(), &email.canonical(), &now];
    tx.execute(text, &params).await.map(drop).map_err(emails::about_email)
}

/// Removes from a user's row what somebody may have changed together with the address: the password, and the request
/// to be deleted. Returns whether there was such a request. The caller holds the user's lock.
pub async fn undo(tx: &impl Sql, user: Uuid) -> Result<bool> {
    let text = "update users set password_hashed = null, deleted_at = null
                from (select deleted_at as asked from users where uuid = $1) as before
                where uuid = $1 returning before.asked is not null as was_asked";
    let row = tx.row(text, &[&user]).await?;
    row.map_or(Ok(false), |row| column(&row, "was_asked"))
}
