//! The outbox: messages that must leave if and only if their transaction committed.
//!
//! Rows are written in the business transaction, already leased for a few seconds to the function
//! that writes them, which sends them right after its commit. The relay sends what is left over.
//! All times are the database's own.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Outgoing, Queue};
use crate::{
    domain::{Error, Result},
    infrastructure::db::Sql,
};

/// SQS takes more, but large things belong into a table.
const MAX_BODY_BYTES: usize = 100 * 1024;

/// For how long the writing function has its own messages to itself.
const OWN_LEASE: &str = "5 seconds";
/// For how long a relay has what it claimed.
const RELAY_LEASE: &str = "30 seconds";

/// Writes messages in the caller's transaction, in one statement.
///
/// # Errors
/// `Internal` when a body is over 100 KiB.
pub async fn insert(tx: &impl Sql, messages: &[Outgoing]) -> Result<()> {
    if let Some(large) = messages.iter().find(|m| m.body.len() > MAX_BODY_BYTES) {
        return Err(Error::internal(format!(
            "a message of {} bytes; put large data into a table",
            large.body.len()
        )));
    }
    let ids: Vec<Uuid> = messages.iter().map(|m| m.id).collect();
    let queues: Vec<&str> = messages.iter().map(|m| m.queue.as_str()).collect();
    let bodies: Vec<&str> = messages.iter().map(|m| m.body.as_str()).collect();
    tx.rows(
        "insert into outbox (id, queue, body, lease_until)
         select id, queue, body, clock_timestamp() + $4::text::interval
         from unnest($1::uuid[], $2::text[], $3::text[]) as message (id, queue, body)",
        &[
            (&ids, Type::UUID_ARRAY),
            (&queues, Type::TEXT_ARRAY),
            (&bodies, Type::TEXT_ARRAY),
            (&OWN_LEASE, Type::TEXT),
        ],
    )
    .await?;
    Ok(())
}

/// Takes up to ten messages that are due and not leased to anyone, oldest first.
///
/// Two relays may overlap: `skip locked` and the lease keep them off each other's rows.
pub async fn claim(conn: &impl Sql, relay: Uuid) -> Result<Vec<Outgoing>> {
    let rows = conn
        .rows(
            // Materialized: as a plain subquery it could run again, and lock more than ten.
            "with due as materialized (
               select seq from outbox
               where published_at is null and due_at <= clock_timestamp()
                 and (lease_until is null or lease_until <= clock_timestamp())
               order by seq limit 10
               for update skip locked)
             update outbox set lease_until = clock_timestamp() + $2::text::interval, lease_by = $1,
                    attempts = attempts + 1
             from due where outbox.seq = due.seq
             returning outbox.seq, id, queue, body",
            &[(&relay, Type::UUID), (&RELAY_LEASE, Type::TEXT)],
        )
        .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let word: &str = row.try_get("queue").map_err(Error::internal)?;
        let queue = Queue::parse(word)
            .ok_or_else(|| Error::internal(format!("outbox row for unknown queue {word}")))?;
        let body = row.try_get("body").map_err(Error::internal)?;
        let seq: i64 = row.try_get("seq").map_err(Error::internal)?;
        claimed.push((seq, Outgoing { id: row.try_get("id").map_err(Error::internal)?, queue, body }));
    }
    // `returning` promises no order.
    claimed.sort_unstable_by_key(|(seq, _)| *seq);
    Ok(claimed.into_iter().map(|(_, message)| message).collect())
}

/// Notes that the queue has accepted these. Harmless to repeat.
pub async fn mark_published(conn: &impl Sql, ids: &[Uuid]) -> Result<()> {
    conn.execute(
        "update outbox set published_at = clock_timestamp(), lease_until = null, lease_by = null, last_error = null
         where id = any($1) and published_at is null",
        &[(&ids, Type::UUID_ARRAY)],
    )
    .await
    .map(drop)
}

/// Gives back what this relay could not send: later after each try, at most every five minutes.
pub async fn release(conn: &impl Sql, relay: Uuid, ids: &[Uuid], why: &str) -> Result<()> {
    conn.execute(
        "update outbox set lease_until = null, lease_by = null, last_error = left($3, 500),
                due_at = clock_timestamp() + least(interval '5 minutes', interval '1 second' * 2 ^ least(attempts, 10))
         where id = any($1) and lease_by = $2 and published_at is null",
        &[(&ids, Type::UUID_ARRAY), (&relay, Type::UUID), (&why, Type::TEXT)],
    )
    .await
    .map(drop)
}
