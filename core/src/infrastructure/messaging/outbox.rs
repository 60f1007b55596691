//! The outbox: messages that must leave if and only if their transaction committed.
//!
//! Rows are written in the business transaction, for a few seconds out of the relay's reach, and
//! the function that wrote them sends them right after its commit. The relay sends what is left
//! over, and events for Kafka, which nobody else sends. One column, `due_at`, says from when on a row may be claimed: a lease, a pause after a
//! failure and a message for later all move it. All times are the database's own.

use std::{collections::HashSet, time::Duration};

use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Outgoing, Queue};
use crate::{
    config::{EventsBus, OutboxConfig},
    domain::{Error, Result},
    infrastructure::db::{Sql, Statement, column},
};

/// SQS takes more, but large things belong into a table.
pub const MAX_BODY_BYTES: usize = 100 * 1024;

/// What the queue itself can hold back (SQS: 15 minutes). What is for later than that waits here.
const QUEUE_DELAY: Duration = Duration::from_secs(15 * 60);

/// Public for the test that asks Postgres for its plan. One call to SQS takes ten messages, and Kafka is
/// given no more at once. The number is no parameter, because a plan for any number reads the whole table.
pub const CLAIM: &str = "
    -- statement_timestamp(), not clock_timestamp(): only a value that stays the same during the
    -- statement can be an index condition. Materialized: as a plain subquery it could run again, and lock more than ten.
    with due as materialized (
      select id from outbox as mine
      where published_at is null and due_at <= statement_timestamp()
        and queue = any($3)
        and (group_key is null or not exists (
              select from outbox as earlier
              where earlier.group_key = mine.group_key and earlier.published_at is null
                and earlier.seq < mine.seq))
      order by due_at, seq limit 10
      for update skip locked)
    update outbox set due_at = clock_timestamp() + $2 * interval '1 second', lease_by = $1,
           attempts = attempts + 1
    from due where outbox.id = due.id
    returning seq, outbox.id, queue, body, group_key,
              greatest(0, extract(epoch from deliver_at - clock_timestamp()))::float8 as delay";

/// Refused this often by the queue itself, a message waits for a person.
const MAX_REFUSALS: i32 = 10;

/// What writes messages in the caller's transaction. The last statement's answer is for [`ours`]. A
/// message whose id is there already is not written again.
///
/// # Errors
/// `Internal` when a body is over 100 KiB.
pub fn insert(messages: &[Outgoing], config: OutboxConfig) -> Result<Vec<Statement>> {
    if let Some(large) = messages.iter().find(|m| m.body.len() > MAX_BODY_BYTES) {
        return Err(Error::internal(format!(
            "a message of {} bytes; put large data into a table",
            large.body.len()
        )));
    }
    let ids: Vec<Uuid> = messages.iter().map(|m| m.id).collect();
    let queues: Vec<&'static str> = messages.iter().map(|m| m.queue.as_str()).collect();
    let bodies: Vec<String> = messages.iter().map(|m| m.body.clone()).collect();
    let groups: Vec<Option<String>> = messages.iter().map(|m| m.group.clone()).collect();
    let delays: Vec<f64> = messages.iter().map(|m| m.delay.as_secs_f64()).collect();
    let left_to_the_relay = |m: &Outgoing| m.queue == Queue::Events && config.events == EventsBus::Kafka;
    let lefts: Vec<bool> = messages.iter().map(left_to_the_relay).collect();
    let write = Statement::new(
        "with message as (
           select *,
                  -- Ours to send: not a relay's, not for later, and nothing of its group is still waiting.
                  not left_to_relay and delay <= $7 and not exists (
                    select from outbox as earlier
                    where earlier.group_key = message.group_key and earlier.published_at is null) as ours
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::float8[], $8::bool[])
                with ordinality as message (id, queue, body, group_key, delay, left_to_relay, position)),
         written as (
           insert into outbox (id, queue, body, group_key, deliver_at, due_at)
           select id, queue, body, group_key,
                  case when delay > 0 then clock_timestamp() + delay * interval '1 second' end,
                  clock_timestamp() + interval '1 second' * case when ours then $6 else greatest(0, delay - $7) end
           from message order by position
           on conflict (id) do nothing
           returning id)
         select position from message join written using (id) where ours order by position",
    );
    let write = write
        .with(ids)
        .with(queues)
        .with(bodies)
        .with(groups)
        .with(delays)
        .with(config.own_lease.as_secs_f64())
        .with(QUEUE_DELAY.as_secs_f64())
        .with(lefts);
    Ok(lock_groups(messages).into_iter().chain([write]).collect())
}

/// Those of the messages that whoever wrote them shall send right after the commit, within
/// their lease. The others wait for their time, for an earlier message of their group, or for a relay.
pub fn ours(messages: Vec<Outgoing>, written: &[Row]) -> Result<Vec<Outgoing>> {
    let mut positions = HashSet::with_capacity(written.len());
    for row in written {
        positions.insert(column::<i64>(row, "position")?);
    }
    // They count from 1.
    let numbered = (1..).zip(messages);
    Ok(numbered.filter(|(position, _)| positions.contains(position)).map(|(_, message)| message).collect())
}

/// Until the commit nobody else writes to these groups. Sequence numbers are taken before a
/// commit: without the lock, a later one could commit, and leave, first.
fn lock_groups(messages: &[Outgoing]) -> Option<Statement> {
    let mut groups: Vec<String> = messages.iter().filter_map(|m| m.group.clone()).collect();
    if groups.is_empty() {
        return None;
    }
    // Sorted: two transactions with the same groups wait for one another and cannot deadlock.
    groups.sort_unstable();
    groups.dedup();
    let lock = Statement::new(
        "select pg_advisory_xact_lock(hashtextextended(name, 0))::text from unnest($1::text[]) as grouped (name)",
    );
    Some(lock.with(groups))
}

/// Takes up to ten messages that are due, for as long as `lease`. Of a group only the first that
/// has not been published: one that is leased, paused or parked holds up those behind it.
///
/// Two relays may overlap: `skip locked` and the lease keep them off each other's rows.
pub async fn claim(conn: &impl Sql, relay: Uuid, queues: &[Queue], lease: Duration) -> Result<Vec<Outgoing>> {
    let words: Vec<&str> = queues.iter().map(|queue| queue.as_str()).collect();
    let rows = conn.rows(CLAIM, &[&relay, &lease.as_secs_f64(), &words]).await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let word: &str = column(row, "queue")?;
        let queue = Queue::parse(word)
            .ok_or_else(|| Error::internal(format!("outbox row for unknown queue {word}")))?;
        let delay: Option<f64> = column(row, "delay")?;
        let message = Outgoing {
            id: column(row, "id")?,
            queue,
            body: column(row, "body")?,
            group: column(row, "group_key")?,
            delay: Duration::from_secs_f64(delay.unwrap_or_default()),
        };
        claimed.push((column::<i64>(row, "seq")?, message));
    }
    // `returning` promises no order.
    claimed.sort_unstable_by_key(|(seq, _)| *seq);
    Ok(claimed.into_iter().map(|(_, message)| message).collect())
}

/// Notes that the queue has accepted these, whoever has the lease by now: what has been accepted
/// need not be sent again. Harmless to repeat.
pub async fn mark_published(conn: &impl Sql, ids: &[Uuid]) -> Result<()> {
    conn.execute(
        "update outbox set published_at = clock_timestamp(), lease_by = null, last_error = null
         where id = any($1) and published_at is null",
        &[&ids],
    )
    .await
    .map(drop)
}

/// Gives back what this relay could not send because the queue was out of reach: later after each
/// try, at most every five minutes, for as long as it takes.
pub async fn release(conn: &impl Sql, relay: Uuid, ids: &[Uuid], why: &str) -> Result<()> {
    conn.execute(
        "update outbox set lease_by = null, last_error = left($3, 500),
                due_at = clock_timestamp() + least(interval '5 minutes', interval '1 second' * 2 ^ least(attempts, 10))
         where id = any($1) and lease_by = $2 and published_at is null",
        &[&ids, &relay, &why],
    )
    .await
    .map(drop)
}

/// Notes that the queue answered and did not want this message: tried again later, and after ten
/// refusals parked. Returns whether it is parked now.
pub async fn refuse(conn: &impl Sql, relay: Uuid, id: Uuid, why: &str) -> Result<bool> {
    let row = conn
        .row(
            "update outbox set lease_by = null, last_error = left($3, 500), refusals = refusals + 1,
                    parked_at = case when refusals + 1 >= $4 then clock_timestamp() end,
                    due_at = case when refusals + 1 >= $4 then 'infinity'
                             else clock_timestamp() + least(interval '5 minutes', interval '1 second' * 2 ^ least(attempts, 10)) end
             where id = $1 and lease_by = $2 and published_at is null
             returning parked_at is not null as parked",
            &[&id, &relay, &why, &MAX_REFUSALS],
        )
        .await?;
    row.map_or(Ok(false), |row| column(&row, "parked"))
}

/// Returns the ids of messages that have not been sent, or that were sent within `period`, and when.
pub async fn unsent_or_sent_within(
    conn: &impl Sql,
    ids: &[Uuid],
    period: Duration,
) -> Result<Vec<(Uuid, Option<OffsetDateTime>)>> {
    let rows = conn
        .rows(
            "select id, published_at from outbox
             where id = any($1)
               and (published_at is null or published_at > statement_timestamp() - $2 * interval '1 second')",
            &[&ids, &period.as_secs_f64()],
        )
        .await?;
    rows.iter().map(|row| Ok((column(row, "id")?, column(row, "published_at")?))).collect()
}

/// Public for the test that asks Postgres for its plan. A message for later is late only after its
/// time. The relay parks a message by making it due at 'infinity', so `outbox_due_idx` finds those.
pub const LAG: &str = "
    select coalesce(extract(epoch from statement_timestamp() - min(since)), 0)::float8 as lag from (
      (select coalesce(deliver_at, created_at) as since from outbox
       where published_at is null and parked_at is null
         and coalesce(deliver_at, created_at) <= statement_timestamp()
       order by coalesce(deliver_at, created_at) limit 1)
      union all
      (select coalesce(deliver_at, created_at) from outbox
       where published_at is null and due_at = 'infinity' order by seq limit 1000)
    ) as oldest";

/// Returns for how long the oldest message that should have left has been waiting, or zero. Parked
/// ones count, because nobody but a person will send them. Of many parked ones the first thousand do.
pub async fn lag(conn: &impl Sql) -> Result<Duration> {
    let row = conn.row(LAG, &[]).await?;
    let seconds: f64 = row.map_or(Ok(0.0), |row| column(&row, "lag"))?;
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}
