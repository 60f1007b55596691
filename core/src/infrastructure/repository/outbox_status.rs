//! What the outbox holds, for operators. They ask when it holds most, so each statement reads a bounded number
//! of rows.

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
    /// How long the oldest message that should have been sent by now has waited. Null if there is none.
    pub oldest_seconds: Option<f64>,
    pub published_last_hour: i64,
    /// Refused too often; they wait for an operator.
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

/// Returns the statement of a status, whose parameter is the words of all queues. Public for the test that asks
/// Postgres for its plan. The relay parks a message by making it due at 'infinity', so `outbox_queue_idx` finds
/// due, later and parked messages, one queue at a time.
pub fn statement() -> String {
    let text = "
    with queue (name) as (select unnest($1::text[])),
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

/// Returns the status at this moment, by the database's clock, as the relay asks.
pub async fn read(sql: &impl Sql) -> Result<OutboxStatus> {
    let queues = Queue::words();
    let row = sql.row(&statement(), &[&queues]).await?;
    let row = row.ok_or_else(|| Error::internal("a select without a row"))?;
    let parked = sql
        .rows(
            "select parked.* from unnest($3::text[]) as of (queue)
             cross join lateral (
               select id, seq, queue, group_key, parked_at, refusals, last_error from outbox
               where queue = of.queue and published_at is null and due_at = 'infinity'
               order by seq desc limit $1) as parked
             order by parked_at desc, seq desc limit $2",
            &[&COUNT_LIMIT, &NEWEST, &queues],
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
