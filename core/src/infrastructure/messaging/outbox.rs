//! The outbox: messages that must leave if and only if their transaction committed.
//!
//! Rows are written in the business transaction. The function that wrote them sends them right after its
//! commit; for a few seconds the relay leaves them to it. The relay sends the rest, and all events for Kafka.
//! One column, `due_at`, says from when on a row may be claimed. A lease, a pause after a failure and a delay
//! all set it. All times are the database's own.

use std::{collections::HashSet, time::Duration};

use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Outgoing, Queue};
use crate::{
    config::{EventsBus, OutboxConfig},
    domain::{Error, Result},
    infrastructure::db::{Conn, Sql, Statement, column},
};

/// SQS takes more, but large data belongs in a table.
pub const MAX_BODY_BYTES: usize = 100 * 1024;

/// The longest delay of the queue itself (SQS: 15 minutes). Messages with a longer one wait here first.
const QUEUE_DELAY: Duration = Duration::from_secs(15 * 60);

/// Public for the test that asks Postgres for its plan. One call to SQS takes ten messages, and Kafka is
/// given no more at once. The numbers are no parameters, because a plan for any number reads the whole table.
///
/// It looks at the first hundred messages of a queue that are due. If too few of them can be sent, it holds
/// the messages that wait behind an earlier one of their group, so that the next claim does not meet them.
pub const CLAIM: &str = "
    -- statement_timestamp(), not clock_timestamp(): only a value that stays the same during the
    -- statement can be an index condition. Materialized, so that it locks each row once. It is read row by
    -- row, until `due` has enough.
    with front as materialized (
      -- By order and limit, not by `exists`: only the index of groups can find the first message so.
      select id, coalesce((select id from outbox as first
                           where first.group_key = mine.group_key and first.published_at is null
                           order by seq limit 1), id) as first
      from outbox as mine
      where published_at is null and queue = $3 and due_at <= statement_timestamp()
      order by due_at, seq limit 100
      for update skip locked),
    due as materialized (select id from front where first = id limit 10),
    blocking as materialized (
      -- `front` shows these as they were when the statement began. A lock shows whether they are published by
      -- now, and keeps a mark away until this claim commits. If a mark has the lock, nothing behind it is held.
      select id from outbox
      where id = any(array(select first from front where first <> id and (select count(*) from due) < 10))
        and published_at is null
      for share skip locked),
    held as (
      -- As long as it has waited already, so that a group behind a parked message costs less and less.
      -- Normally the earlier message wakes it much sooner, when it has been sent.
      update outbox set due_at = clock_timestamp()
               + least(interval '1 hour', greatest(interval '1 minute', clock_timestamp() - created_at)),
             held_at = clock_timestamp(), lease_by = null
      from front
      where outbox.id = front.id and front.first <> front.id and (select count(*) from due) < 10
        and front.first in (select id from blocking)
      returning 1),
    claimed as (
      update outbox set due_at = clock_timestamp() + $2 * interval '1 second', lease_by = $1,
             attempts = attempts + 1, held_at = null
      from due where outbox.id = due.id
      returning seq, outbox.id, body, group_key,
                greatest(0, extract(epoch from deliver_at - clock_timestamp()))::float8 as delay)
    select claimed.*, counted.held
    from (select count(*) as held from held) as counted left join claimed on true";

/// Public for the test that asks Postgres for its plan.
pub const MARK_PUBLISHED: &str = "
    update outbox set published_at = clock_timestamp(), lease_by = null, last_error = null
    where id = any($1) and published_at is null";

/// Makes the first message of each group due, if a claim holds it and no relay has it: a claim of an earlier
/// version leases a message and leaves `held_at` set. Public for the test that asks Postgres for its plan.
///
/// It must be a later statement of the transaction that marks or deletes an earlier message of the group. A claim
/// locks that message before it holds others behind it. So either the claim has committed before the mark, and this
/// statement sees what it holds. Or the claim comes too late to get the lock, and holds nothing.
pub const WAKE: &str = "
    update outbox set due_at = clock_timestamp(), held_at = null
    where id = any(array(
            select (select id from outbox as first
                    where first.group_key = freed.name and first.published_at is null
                    order by seq limit 1)
            from unnest($1::text[]) as freed (name)))
      and held_at is not null and lease_by is null and published_at is null";

/// Returns the statement [`WAKE`] for these groups.
pub(in crate::infrastructure) fn wake(groups: Vec<String>) -> Statement {
    Statement::new(WAKE).with(groups)
}

/// After this many refusals by the queue a message is parked.
const MAX_REFUSALS: i32 = 10;

/// Builds the statements that insert `messages` in the caller's transaction. Pass the rows of the last one to
/// [`ours`]. Messages with a known id are skipped.
///
/// # Errors
/// `Internal` for a body of more than 100 KiB.
pub fn insert(messages: &[Outgoing], config: OutboxConfig) -> Result<Vec<Statement>> {
    if let Some(large) = messages.iter().find(|m| m.body.len() > MAX_BODY_BYTES) {
        return Err(Error::internal(format!(
            "the message has {} of at most {MAX_BODY_BYTES} bytes; store large data in a table",
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

/// Returns the messages that this function should send right after the commit, before their lease expires.
/// The others wait for their time, for an earlier message of their group, or for a relay.
pub fn ours(messages: Vec<Outgoing>, written: &[Row]) -> Result<Vec<Outgoing>> {
    let mut positions = HashSet::with_capacity(written.len());
    for row in written {
        positions.insert(column::<i64>(row, "position")?);
    }
    // They count from 1.
    let numbered = (1..).zip(messages);
    Ok(numbered.filter(|(position, _)| positions.contains(position)).map(|(_, message)| message).collect())
}

/// Locks the groups of the messages until the commit. Sequence numbers are taken before a commit, so without
/// the lock a later message could commit, and be sent, first.
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

/// The result of a claim.
#[derive(Debug)]
pub struct Claimed {
    pub messages: Vec<Outgoing>,
    /// How many messages this claim holds because an earlier one of their group has not been sent. Others
    /// may be due behind them.
    pub held: i64,
}

/// Leases up to ten due messages of a queue, for the time of `lease`. Of a group it takes only the first
/// message that has not been published. If that one is leased, paused or parked, the messages behind it wait.
///
/// Two relays may overlap, because of `skip locked` and the lease.
pub async fn claim(conn: &impl Sql, relay: Uuid, queue: Queue, lease: Duration) -> Result<Claimed> {
    let rows = conn.rows(CLAIM, &[&relay, &lease.as_secs_f64(), &queue.as_str()]).await?;
    let mut held = 0;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        held = column(row, "held")?;
        // One row without a message says that there is none.
        let Some(id) = column(row, "id")? else { continue };
        let delay: Option<f64> = column(row, "delay")?;
        let message = Outgoing {
            id,
            queue,
            body: column(row, "body")?,
            group: column(row, "group_key")?,
            delay: Duration::from_secs_f64(delay.unwrap_or_default()),
        };
        claimed.push((column::<i64>(row, "seq")?, message));
    }
    // `returning` promises no order.
    claimed.sort_unstable_by_key(|(seq, _)| *seq);
    Ok(Claimed { messages: claimed.into_iter().map(|(_, message)| message).collect(), held })
}

/// Marks the messages of this batch that the queue has accepted, and wakes the next one of each group. It does not
/// matter who has the lease by now, because an accepted message need not be sent again. Harmless to repeat.
pub async fn mark_published(conn: &Conn, batch: &[Outgoing], accepted: &[Uuid]) -> Result<()> {
    let sent = batch.iter().filter(|message| accepted.contains(&message.id));
    let groups: Vec<String> = sent.filter_map(|message| message.group.clone()).collect();
    if groups.is_empty() {
        return conn.execute(MARK_PUBLISHED, &[&accepted]).await.map(drop);
    }
    conn.together([Statement::new(MARK_PUBLISHED).with(accepted.to_vec()), wake(groups)]).await
}

/// Gives back the messages that this relay could not send because the queue could not be reached. The pause
/// grows with each try, to at most five minutes. The number of tries has no limit.
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

/// Records that the queue refused this message. It is tried again later, and parked after ten refusals.
/// Returns whether it is parked now.
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

/// Whether no schema has the table, because nobody has migrated yet. The catalogue shows it to every login, so a right
/// that is missing does not look like this.
pub async fn is_missing(conn: &impl Sql) -> Result<bool> {
    let sql = "select 1 as found from pg_catalog.pg_class where relname = 'outbox' and relkind = 'r' limit 1";
    Ok(conn.row(sql, &[]).await?.is_none())
}

/// Public for the test that asks Postgres for its plan. Its parameter is the words of all queues. A message for
/// later is late only after its time. The relay parks a message by making it due at 'infinity', so `outbox_queue_idx` finds those, one
/// queue at a time.
pub const LAG: &str = "
    select coalesce(extract(epoch from statement_timestamp() - min(since)), 0)::float8 as lag from (
      (select coalesce(deliver_at, created_at) as since from outbox
       where published_at is null and parked_at is null
         and coalesce(deliver_at, created_at) <= statement_timestamp()
       order by coalesce(deliver_at, created_at) limit 1)
      union all
      (select parked.since from unnest($1::text[]) as of (queue)
       cross join lateral (
         select coalesce(deliver_at, created_at) as since from outbox
         where queue = of.queue and published_at is null and due_at = 'infinity' order by seq limit 1000) as parked)
    ) as oldest";

/// Returns for how long the oldest message that should have left has been waiting, or zero. Parked
/// ones count, because nobody but a person will send them. Of many parked ones the first thousand of each queue do.
pub async fn lag(conn: &impl Sql) -> Result<Duration> {
    let row = conn.row(LAG, &[&Queue::words()]).await?;
    let seconds: f64 = row.map_or(Ok(0.0), |row| column(&row, "lag"))?;
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}
