//! Table `task` as operators and the search for lost messages see it.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::column;
use crate::{
    domain::{
        Error, Result,
        tasks::{Failure, Status},
    },
    infrastructure::{db::Sql, messaging::Queue},
};

/// A task in a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub id: Uuid,
    pub name: String,
    pub status: String,
    /// How many have begun.
    pub attempts: i32,
    /// Since when it is in this state. A task that waits: from when on it can run.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Why its last attempt failed: a code. The causes are in the log of the worker.
    pub error_code: Option<&'static str>,
}

/// Where a page of the list begins: behind this task.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub since: OffsetDateTime,
    pub id: Uuid,
}

/// The columns of [`Listed`].
const LISTED: &str = "id, name, state, since, created_at, error,
    case when state in ('queued', 'retrying', 'cancelled') then attempt - 1 else attempt end as attempts";

/// Returns up to `limit` tasks in these states, the latest change first.
pub async fn list(
    sql: &impl Sql,
    statuses: &[Status],
    name: Option<&str>,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let states: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    let rows = sql
        .rows(
            &list_statement(),
            &[
                (&states, Type::TEXT_ARRAY),
                (&name, Type::TEXT),
                (&after.map(|place| place.since), Type::TIMESTAMPTZ),
                (&after.map(|place| place.id), Type::UUID),
                (&limit, Type::INT8),
            ],
        )
        .await?;
    rows.iter().map(listed).collect()
}

/// Reads each state in the order of the index, and ends at the limit. The condition on `succeeded` is the
/// index's own. Public for the test that asks Postgres for its plan.
pub fn list_statement() -> String {
    format!(
        "select found.* from unnest($1::text[]) as wanted (state)
         cross join lateral (
           select {LISTED} from task
           where task.state = wanted.state and task.state <> 'succeeded'
             and ($2::text is null or name = $2)
             and ($3::timestamptz is null or (since, id) < ($3, $4::uuid))
           order by since desc, id desc limit $5) as found
         order by since desc, id desc limit $5"
    )
}

fn listed(row: &Row) -> Result<Listed> {
    Ok(Listed {
        id: column(row, "id")?,
        name: column(row, "name")?,
        status: column(row, "state")?,
        attempts: column(row, "attempts")?,
        since: column(row, "since")?,
        created_at: column(row, "created_at")?,
        error_code: column::<Option<&str>>(row, "error")?.map(|text| Failure::parse(text).code()),
    })
}

/// A task with everything that an operator may ask for.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    pub task: Listed,
    pub error: Option<&'static str>,
    pub owner: Option<Uuid>,
    pub unique_key: Option<String>,
    /// Its message waits in the dead-letter queue.
    pub set_aside: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    pub args: Value,
    pub result: Option<Value>,
}

pub async fn show(sql: &impl Sql, id: Uuid) -> Result<Option<Shown>> {
    let text = format!(
        "select {LISTED}, owner, unique_key, set_aside_at is not null as set_aside, finished_at, args, result
         from task where id = $1"
    );
    let Some(row) = sql.row(&text, &[(&id, Type::UUID)]).await? else { return Ok(None) };
    Ok(Some(Shown {
        task: listed(&row)?,
        error: column::<Option<&str>>(&row, "error")?.map(|text| Failure::parse(text).sentence()),
        owner: column(&row, "owner")?,
        unique_key: column(&row, "unique_key")?,
        set_aside: column(&row, "set_aside")?,
        finished_at: column(&row, "finished_at")?,
        args: column(&row, "args")?,
        result: column(&row, "result")?,
    }))
}

/// A task whose row is locked until the transaction ends.
#[derive(Debug)]
pub struct Locked {
    pub id: Uuid,
    pub name: String,
    pub queue: Queue,
    pub args: Value,
    pub status: Status,
    pub attempt: i32,
    pub earlier_attempts: i32,
    pub owner: Option<Uuid>,
    /// A worker runs it until this moment at the latest.
    pub busy_until: Option<OffsetDateTime>,
    /// Another task of its name and key waits.
    pub has_twin: bool,
    pub set_aside: bool,
}

/// The columns of [`Locked`].
const LOCKED: &str = "id, name, queue, args, state, attempt, earlier_attempts, owner,
    set_aside_at is not null as set_aside,
    case when state = 'running' and running_until >= clock_timestamp() then running_until end as busy_until,
    exists (
      select from task as twin
      where twin.name = task.name and twin.unique_key = task.unique_key and twin.id <> task.id
        and twin.state in ('queued', 'retrying')) as has_twin";

pub async fn lock(tx: &impl Sql, id: Uuid) -> Result<Option<Locked>> {
    let text = format!("select {LOCKED} from task where id = $1 for update");
    tx.row(&text, &[(&id, Type::UUID)]).await?.as_ref().map(locked).transpose()
}

fn locked(row: &Row) -> Result<Locked> {
    let (queue, state): (&str, &str) = (column(row, "queue")?, column(row, "state")?);
    let unknown = |word: &str| Error::internal(format!("task row with unknown word {word}"));
    Ok(Locked {
        id: column(row, "id")?,
        name: column(row, "name")?,
        queue: Queue::parse(queue).ok_or_else(|| unknown(queue))?,
        args: column(row, "args")?,
        status: Status::parse(state).ok_or_else(|| unknown(state))?,
        attempt: column(row, "attempt")?,
        earlier_attempts: column(row, "earlier_attempts")?,
        owner: column(row, "owner")?,
        busy_until: column(row, "busy_until")?,
        has_twin: column(row, "has_twin")?,
        set_aside: column(row, "set_aside")?,
    })
}

/// Locks up to `limit` tasks that have been in their state for longer than any message lives: `queues`
/// on the queues, or `dead_letters` after their message was given up. Tasks that others hold are skipped.
pub async fn lock_late(
    tx: &impl Sql,
    queues: Duration,
    dead_letters: Duration,
    limit: i64,
) -> Result<Vec<Locked>> {
    let rows = tx
        .rows(
            &late_statement(),
            &[
                (&queues.as_secs_f64(), Type::FLOAT8),
                (&dead_letters.as_secs_f64(), Type::FLOAT8),
                (&limit, Type::INT8),
            ],
        )
        .await?;
    rows.iter().map(locked).collect()
}

/// Public for the test that asks Postgres for its plan.
pub fn late_statement() -> String {
    format!(
        "select {LOCKED} from task
         where state in ('queued', 'retrying', 'running') and state <> 'succeeded'
           and since < statement_timestamp() - $1 * interval '1 second'
           and (set_aside_at is null or set_aside_at < statement_timestamp() - $2 * interval '1 second')
           and (running_until is null or running_until < statement_timestamp())
         order by since limit $3
         for update skip locked"
    )
}

/// Moves a locked task to its next attempt, whose message the caller writes in the same transaction.
/// Copies of older messages find another attempt in the row and run nothing. `forget_attempts`: the
/// task gets all its attempts again.
pub async fn next_attempt(tx: &impl Sql, task: &Locked, forget_attempts: bool) -> Result<()> {
    tx.execute(
        "update task set state = 'retrying', attempt = attempt + 1, since = clock_timestamp(),
                earlier_attempts = case when $2 then attempt else earlier_attempts end,
                finished_at = null, running_until = null, set_aside_at = null
         where id = $1",
        &[(&task.id, Type::UUID), (&forget_attempts, Type::BOOL)],
    )
    .await
    .map(drop)
}

/// Ends a locked task. `failure`: why, if it is not what the row says already.
pub async fn end(tx: &impl Sql, id: Uuid, status: Status, failure: Option<Failure>) -> Result<()> {
    tx.execute(
        "update task set state = $2, error = coalesce($3, error), finished_at = clock_timestamp(),
                since = clock_timestamp(), running_until = null, set_aside_at = null
         where id = $1",
        &[(&id, Type::UUID), (&status.as_str(), Type::TEXT), (&failure.map(Failure::code), Type::TEXT)],
    )
    .await
    .map(drop)
}

/// Notes that the message of a task has not been on its queue for long, or not yet.
pub async fn still_waits(tx: &impl Sql, id: Uuid, since: Option<OffsetDateTime>) -> Result<()> {
    tx.execute(
        "update task set since = coalesce($2, clock_timestamp()) where id = $1",
        &[(&id, Type::UUID), (&since, Type::TIMESTAMPTZ)],
    )
    .await
    .map(drop)
}
