//! Erasing the users whose grace period has ended, and accounts that were never used.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{
        Result,
        audit::{Action, Entry, Outcome},
    },
    infrastructure::{
        db::Conn,
        repository::{audit, personal},
        tx::Tx,
    },
};

/// Erases a user who asked for it no later than `before`: the row, and what the register of personal data says.
/// All of it or nothing. Returns whether there was such a user.
pub async fn erase(conn: &mut Conn, user: Uuid, before: OffsetDateTime) -> Result<bool> {
    let tx = conn.begin().await?;
    if !personal::erase_account(&tx, user, before).await? {
        return Ok(false);
    }
    erase_rest(tx, user, |erased| json!({ "erased": erased })).await
}

/// Does the same for an account from `before` or older that nobody has proved or used.
pub async fn erase_unused(
    conn: &mut Conn,
    user: Uuid,
    now: OffsetDateTime,
    before: OffsetDateTime,
) -> Result<bool> {
    let tx = conn.begin().await?;
    if !personal::erase_unused(&tx, user, now, before).await? {
        return Ok(false);
    }
    erase_rest(tx, user, |erased| json!({ "erased": erased, "reason": "unused" })).await
}

/// Erases what a deleted user has left, and notes it.
async fn erase_rest(
    mut tx: Tx<'_>,
    user: Uuid,
    details: impl FnOnce(Map<String, Value>) -> Value,
) -> Result<bool> {
    let erased = personal::erase(&tx, user).await?;
    let entry = Entry {
        action: Action::UserErased,
        outcome: Outcome::Success,
        actor: None,
        subject: Some(user),
        ip: None,
        details: details(erased),
    };
    audit::record(&mut tx, &entry);
    tx.commit().await?;
    Ok(true)
}
