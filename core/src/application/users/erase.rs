//! Erasing the users whose grace period has ended.

use serde_json::json;
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
    },
};

/// Erases a user who asked for it no later than `before`: the row, and what the register of personal data says.
/// All of it or nothing. Returns whether there was such a user.
pub async fn erase(conn: &mut Conn, user: Uuid, before: OffsetDateTime) -> Result<bool> {
    let mut tx = conn.begin().await?;
    if !personal::erase_account(&tx, user, before).await? {
        return Ok(false);
    }
    let erased = personal::erase(&tx, user).await?;
    let entry = Entry {
        action: Action::UserErased,
        outcome: Outcome::Success,
        actor: None,
        subject: Some(user),
        ip: None,
        details: json!({ "erased": erased }),
    };
    audit::record(&mut tx, &entry);
    tx.commit().await?;
    Ok(true)
}
