//! Crash strikes: which message was being handled when a process crashed.
//!
//! A message that aborts its process (out of memory, a stack overflow, a library's abort) leaves no error
//! behind and fails its whole batch each time. So a redelivered message gets a strike before it is handled,
//! in a separate commit, and loses the strike afterwards.

use std::collections::HashMap;

use super::Queue;
use crate::{
    domain::Result,
    infrastructure::db::{Sql, column},
};

/// Returns how many processes crashed with each of these messages. Messages without a strike are left out.
pub async fn of(conn: &impl Sql, queue: Queue, message_ids: &[&str]) -> Result<HashMap<String, i32>> {
    let rows = conn
        .rows(
            "select message_id, strikes from strike where queue = $1 and message_id = any($2)",
            &[&queue.as_str(), &message_ids],
        )
        .await?;
    rows.iter().map(|row| Ok((column(row, "message_id")?, column(row, "strikes")?))).collect()
}

/// Adds a strike before a message is handled. If nobody calls [`clear`], its process has crashed.
pub async fn set(conn: &impl Sql, queue: Queue, message_id: &str) -> Result<()> {
    conn.execute(
        "insert into strike (queue, message_id, strikes) values ($1, $2, 1)
         on conflict (queue, message_id) do update set strikes = strike.strikes + 1, at = now()",
        &[&queue.as_str(), &message_id],
    )
    .await
    .map(drop)
}

/// Removes the strikes: the process has survived this message, handled or failed.
pub async fn clear(conn: &impl Sql, queue: Queue, message_id: &str) -> Result<()> {
    conn.execute("delete from strike where queue = $1 and message_id = $2", &[&queue.as_str(), &message_id])
        .await
        .map(drop)
}
