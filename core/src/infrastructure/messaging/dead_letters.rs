//! Why messages were refused. SQS moves them to the dead-letter queue unchanged and gives no reason.

use serde::Serialize;
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::Queue;
use crate::{
    domain::Result,
    infrastructure::db::{Sql, column, printable},
};

/// Longer reasons are cut: the whole cause chain is in the log.
const MAX_REASON: i32 = 2000;

#[derive(Debug, Serialize)]
pub struct DeadLetter {
    pub message_id: String,
    /// The event or task that it named, if it could be read.
    pub name: Option<String>,
    pub reason: String,
    #[serde(with = "crate::domain::timestamp")]
    pub at: OffsetDateTime,
}

/// Notes why a message will end in the dead-letter queue; the last reason counts. Returns whether
/// this is news: a message is refused several times before SQS moves it.
pub async fn note(
    conn: &impl Sql,
    queue: Queue,
    message_id: &str,
    name: Option<&str>,
    reason: &str,
) -> Result<bool> {
    let row = conn
        .row(
            "insert into dead_letter (queue, message_id, name, reason) values ($1, $2, left($3, 200), left($4, $5))
             on conflict (queue, message_id) do update set name = excluded.name, reason = excluded.reason, at = now()
             -- Zero in a row that was inserted, not updated.
             returning xmax::text = '0' as news",
            &[
                &queue.as_str(),
                &message_id,
                &name.map(printable),
                &printable(reason),
                &MAX_REASON,
            ],
        )
        .await?;
    row.map_or(Ok(false), |row| column(&row, "news"))
}

/// Forgets a message that was handled after all.
pub async fn forget(conn: &impl Sql, queue: Queue, message_id: &str) -> Result<()> {
    conn.execute(
        "delete from dead_letter where queue = $1 and message_id = $2",
        &[&queue.as_str(), &message_id],
    )
    .await
    .map(drop)
}

/// Returns why these messages were refused. A message without a reason is missing, for example one whose function
/// was killed each time.
pub async fn find(sql: &impl Sql, queue: Queue, message_ids: &[String]) -> Result<Vec<DeadLetter>> {
    let rows = sql
        .rows(
            "select message_id, name, reason, at from dead_letter
             where queue = $1 and message_id = any($2)
             order by at, message_id",
            &[&queue.as_str(), &message_ids],
        )
        .await?;
    let one = |row: &Row| {
        Ok(DeadLetter {
            message_id: column(row, "message_id")?,
            name: column(row, "name")?,
            reason: column(row, "reason")?,
            at: column(row, "at")?,
        })
    };
    rows.iter().map(one).collect()
}
