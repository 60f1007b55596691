//! What an operator asks of the outbox and of the dead letters, and what sets a parked message free.
//!
//! Each of these reads a bounded number of rows: operators ask when there are most of them.

use serde::Serialize;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::column;
use crate::{
    domain::{Error, Result},
    infrastructure::{db::Sql, messaging::Queue},
};

/// How many parked messages a status names.
const NEWEST: i64 = 20;

/// Where each count of a status stops.
const COUNT_LIMIT: i64 = 10_000;

/// How many parked messages one statement sets free.
const UNPARK_LIMIT: i64 = 1_000;

/// A count of `count_limit` means that many or more.
#[derive(Debug, Serialize)]
pub struct OutboxStatus {
    pub count_limit: i64,
    /// Everything that has not been sent, parked messages included.
    pub unpublished: i64,
    /// May be sent now. Some of these may wait behind the first of their group.
    pub due: i64,
    /// Being sent at this moment, pausing after a failure, or held behind an earlier message of their group.
    /// Only `count_limit` of all messages that are not due yet are looked at, here and in `for_later`.
    pub leased_or_pausing: i64,
    /// To be delivered at a moment that has not come.
    pub for_later: i64,
    /// How long the oldest of those that should have left by now has waited; none if there is none.
    pub oldest_seconds: Option<f64>,
    pub published_last_hour: i64,
    /// Refused too often; they wait for a person.
    pub parked: i64,
    /// Not parked, but of a group whose earlier message is.
    pub behind_parked: i64,
    /// The newest twenty.
    pub newest_parked: Vec<Parked>,
}

#[derive(Debug, Serialize)]
pub struct Parked {
    pub id: Uuid,
    pub queue: String,
    pub group: Option<String>,
    #[serde(with = "crate::domain::timestamp")]
    pub parked_at: OffsetDateTime,
    pub refusals: i32,
    pub last_error: Option<String>,
}

/// Public for the test that asks Postgres for its plan. The relay parks a message by making it due at
/// 'infinity', so `outbox_queue_idx` finds due, later and parked messages, one queue at a time.
pub fn status_statement() -> String {
    let text = "
    with queue (name) as (values ('events'), ('tasks')),
    soon as (
      select later.deliver_at from queue cross join lateral (
        select deliver_at from outbox
        where queue = queue.name and published_at is null
          and due_at > statement_timestamp() and due_at < 'infinity'
        order by due_at limit $limit) as later
      limit $limit),
    parked as (
      select newest.group_key from queue cross join lateral (
        select group_key from outbox
        where queue = queue.name and published_at is null and due_at = 'infinity'
        order by seq desc limit $limit) as newest
      limit $limit),
    behind as (
      select from (select distinct group_key from parked where group_key is not null) as blocked
      cross join lateral (
        select from outbox
        where group_key = blocked.group_key and published_at is null and parked_at is null
        limit $limit) as waiting
      limit $limit)
    select
      (select count(*) from (
         select from queue cross join lateral (
           select from outbox where queue = queue.name and published_at is null
           order by due_at limit $limit) as unsent
         limit $limit) as counted) as unpublished,
      (select count(*) from (
         select from queue cross join lateral (
           select from outbox
           where queue = queue.name and published_at is null and due_at <= statement_timestamp()
           order by due_at limit $limit) as now
         limit $limit) as counted) as due,
      (select count(*) from soon
       where deliver_at is null or deliver_at <= statement_timestamp()) as leased_or_pausing,
      (select count(*) from soon where deliver_at > statement_timestamp()) as for_later,
      (select extract(epoch from statement_timestamp() - coalesce(deliver_at, created_at))::float8
       from outbox
       where published_at is null and parked_at is null
         and coalesce(deliver_at, created_at) <= statement_timestamp()
       order by coalesce(deliver_at, created_at) limit 1) as oldest_seconds,
      (select count(*) from (
         select from outbox where published_at > statement_timestamp() - interval '1 hour'
         order by published_at desc limit $limit) as counted) as published_last_hour,
      (select count(*) from parked) as parked,
      (select count(*) from behind) as behind_parked";
    // The limit is no parameter, because a plan for any limit reads the whole table.
    text.replace("$limit", &COUNT_LIMIT.to_string())
}

/// Asked with the database's clock, as the relay asks.
pub async fn outbox_status(sql: &impl Sql) -> Result<OutboxStatus> {
    let row = sql.row(&status_statement(), &[]).await?;
    let row = row.ok_or_else(|| Error::internal("a select without a row"))?;
    let parked = sql
        .rows(
            "select parked.* from (values ('events'), ('tasks')) as of (queue)
             cross join lateral (
               select id, seq, queue, group_key, parked_at, refusals, last_error from outbox
               where queue = of.queue and published_at is null and due_at = 'infinity'
               order by seq desc limit $1) as parked
             order by parked_at desc, seq desc limit $2",
            &[&COUNT_LIMIT, &NEWEST],
        )
        .await?;
    Ok(OutboxStatus {
        count_limit: COUNT_LIMIT,
        unpublished: column(&row, "unpublished")?,
        due: column(&row, "due")?,
        leased_or_pausing: column(&row, "leased_or_pausing")?,
        for_later: column(&row, "for_later")?,
        oldest_seconds: column(&row, "oldest_seconds")?,
        published_last_hour: column(&row, "published_last_hour")?,
        parked: column(&row, "parked")?,
        behind_parked: column(&row, "behind_parked")?,
        newest_parked: parked.iter().map(one_parked).collect::<Result<_>>()?,
    })
}

fn one_parked(row: &Row) -> Result<Parked> {
    Ok(Parked {
        id: column(row, "id")?,
        queue: column(row, "queue")?,
        group: column(row, "group_key")?,
        parked_at: column(row, "parked_at")?,
        refusals: column(row, "refusals")?,
        last_error: column(row, "last_error")?,
    })
}

#[derive(Debug, Default, Serialize)]
pub struct Unparked {
    pub unparked: Vec<Uuid>,
    /// Those asked for that wait by themselves, or have been sent.
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
               select parked.id from (values ('events'), ('tasks')) as of (queue)
               cross join lateral (
                 select id, seq from outbox
                 where queue = of.queue and published_at is null and due_at = 'infinity'
                 order by seq limit $1) as parked
               order by parked.seq limit $1))
               and parked_at is not null and published_at is null
             returning id",
            &[&UNPARK_LIMIT],
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

/// Deletes those of these messages that are parked, and returns them. The next message of each group is due.
pub async fn delete_parked(tx: &impl Sql, ids: &[Uuid]) -> Result<Vec<DeletedMessage>> {
    let rows = tx
        .rows(
            "with dropped as (
               delete from outbox where id = any($1) and parked_at is not null and published_at is null
               returning id, seq, queue, body, group_key),
             woken as (
               update outbox set due_at = clock_timestamp(), held_at = null
               where id = any(array(
                       select (select id from outbox as behind
                               where behind.group_key = dropped.group_key and behind.published_at is null
                                 and behind.seq > dropped.seq and behind.id not in (select id from dropped)
                               order by behind.seq limit 1)
                       from dropped where group_key is not null))
                 and held_at is not null and lease_by is null)
             select id, queue, body from dropped",
            &[&ids],
        )
        .await?;
    let one = |row: &Row| {
        Ok(DeletedMessage {
            id: column(row, "id")?,
            queue: column(row, "queue")?,
            body: column(row, "body")?,
        })
    };
    rows.iter().map(one).collect()
}

/// Returns those of these ids that the outbox has.
pub async fn outbox_ids(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let rows = sql.rows("select id from outbox where id = any($1)", &[&ids]).await?;
    rows.iter().map(|row| column(row, "id")).collect()
}

#[derive(Debug, Serialize)]
pub struct DeadLetter {
    pub message_id: String,
    /// The event or task that it named, if it could be read.
    pub name: Option<String>,
    pub reason: String,
    #[serde(with = "crate::domain::timestamp")]
    pub at: OffsetDateTime,
}

/// Why messages of a queue were refused. Those that are missing from the answer ended without a
/// word, as a message does whose function was killed each time.
pub async fn dead_letters(sql: &impl Sql, queue: Queue, message_ids: &[String]) -> Result<Vec<DeadLetter>> {
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
