//! What operators change in the outbox: they set parked messages free, delete them, and send events again.
//!
//! Each statement changes a bounded number of rows.

use serde::Serialize;
use uuid::Uuid;

use super::column;
use crate::{
    domain::Result,
    infrastructure::{
        db::Sql,
        messaging::{Queue, outbox},
        tx::Tx,
    },
};

/// How many parked messages one statement sets free.
const UNPARK_LIMIT: i64 = 1_000;

#[derive(Debug, Default, Serialize)]
pub struct Unparked {
    pub unparked: Vec<Uuid>,
    /// Requested messages that are not parked: the relay still sends them, or has sent them.
    pub not_parked: Vec<Uuid>,
    pub unknown: Vec<Uuid>,
    /// Others may still be parked: ask again.
    pub more: bool,
}

/// Lets the relay try these messages again, as if the queue had never refused them.
pub async fn unpark(sql: &impl Sql, ids: &[Uuid]) -> Result<Unparked> {
    // One statement sees one state of the table: `known` is the row before the change.
    let rows = sql
        .rows(
            "with known as (select id, parked_at, published_at from outbox where id = any($1)),
             freed as (
               update outbox set parked_at = null, refusals = 0, due_at = clock_timestamp(), lease_by = null
               where id = any($1) and parked_at is not null and published_at is null
               returning id)
             select asked.id, known.id is not null as known, freed.id is not null as freed
             from (select distinct unnest($1) as id) as asked
             left join known using (id) left join freed using (id)
             order by asked.id",
            &[&ids],
        )
        .await?;
    let mut outcome = Unparked::default();
    for row in &rows {
        let list = match (column(row, "known")?, column(row, "freed")?) {
            (_, true) => &mut outcome.unparked,
            (true, false) => &mut outcome.not_parked,
            (false, false) => &mut outcome.unknown,
        };
        list.push(column(row, "id")?);
    }
    Ok(outcome)
}

/// The same for everything that is parked, a thousand messages at a time.
pub async fn unpark_all(sql: &impl Sql) -> Result<Unparked> {
    let rows = sql
        .rows(
            "update outbox set parked_at = null, refusals = 0, due_at = clock_timestamp(), lease_by = null
             where id = any(array(
               select parked.id from unnest($2::text[]) as of (queue)
               cross join lateral (
                 select id, seq from outbox
                 where queue = of.queue and published_at is null and due_at = 'infinity'
                 order by seq limit $1) as parked
               order by parked.seq limit $1))
               and parked_at is not null and published_at is null
             returning id",
            &[&UNPARK_LIMIT, &Queue::words()],
        )
        .await?;
    let unparked: Vec<Uuid> = rows.iter().map(|row| column(row, "id")).collect::<Result<_>>()?;
    // Also after a short batch: another operator may have set some of it free.
    let more = !unparked.is_empty();
    Ok(Unparked { unparked, more, ..Unparked::default() })
}

/// What became of events that an operator wants sent again.
#[derive(Debug, Default, Serialize)]
pub struct Resent {
    pub resent: Vec<Uuid>,
    /// Not an event that was sent, or no longer in the outbox.
    pub refused: Vec<Uuid>,
}

/// Lets the relay send these events again. A handler that has handled one before does nothing.
pub async fn resend_events(sql: &impl Sql, ids: &[Uuid]) -> Result<Resent> {
    let rows = sql
        .rows(
            "update outbox set published_at = null, due_at = clock_timestamp(), lease_by = null,
                    attempts = 0, refusals = 0, last_error = null
             where id = any($1) and queue = 'events' and published_at is not null
             returning id",
            &[&ids],
        )
        .await?;
    let resent: Vec<Uuid> = rows.iter().map(|row| column(row, "id")).collect::<Result<_>>()?;
    let refused = ids.iter().copied().filter(|id| !resent.contains(id)).collect();
    Ok(Resent { resent, refused })
}

/// A parked message that was deleted.
#[derive(Debug)]
pub struct DeletedMessage {
    pub id: Uuid,
    pub queue: String,
    pub body: String,
}

/// Deletes these messages, if they are parked, and returns the deleted ones. Then the next message of each group
/// is due.
pub async fn delete_parked(tx: &Tx<'_>, ids: &[Uuid]) -> Result<Vec<DeletedMessage>> {
    let rows = tx
        .rows(
            "delete from outbox where id = any($1) and parked_at is not null and published_at is null
             returning id, queue, body, group_key",
            &[&ids],
        )
        .await?;
    let mut groups: Vec<String> = Vec::new();
    let mut deleted = Vec::with_capacity(rows.len());
    for row in &rows {
        groups.extend(column::<Option<String>>(row, "group_key")?);
        deleted.push(DeletedMessage {
            id: column(row, "id")?,
            queue: column(row, "queue")?,
            body: column(row, "body")?,
        });
    }
    if !groups.is_empty() {
        tx.run(&outbox::wake(groups)).await?;
    }
    Ok(deleted)
}

/// Returns the ids among these that the outbox has.
pub async fn known_ids(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let rows = sql.rows("select id from outbox where id = any($1)", &[&ids]).await?;
    rows.iter().map(|row| column(row, "id")).collect()
}
