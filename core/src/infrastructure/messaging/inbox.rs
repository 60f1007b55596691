//! The inbox: which handler is done with which message.
//!
//! A queue may deliver a message twice, and two consumers may have it at the same time. The row
//! is written in the transaction of the effects, so either both are there or neither is.

use uuid::Uuid;

use crate::{
    domain::Result,
    infrastructure::db::{Sql, column},
};

/// Marks these messages as handled by `handler`, in the caller's transaction. Returns the messages that it
/// had not handled before, in the order given.
///
/// If another instance is handling one of them, this waits for at most `lock_timeout`. If the other one
/// commits, the message is done; if not, it is ours.
pub async fn remember(tx: &impl Sql, handler: &str, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    // Sorted: two consumers with the same messages then wait for one another and cannot deadlock.
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let rows = tx
        .rows(
            "insert into inbox (handler, message_id)
             select $1, id from unnest($2::uuid[]) as message (id)
             on conflict do nothing
             returning message_id",
            &[&handler, &sorted],
        )
        .await?;
    let mut new = rows.iter().map(|row| column(row, "message_id")).collect::<Result<Vec<Uuid>>>()?;
    new.sort_unstable();
    Ok(ids.iter().copied().filter(|id| new.binary_search(id).is_ok()).collect())
}
