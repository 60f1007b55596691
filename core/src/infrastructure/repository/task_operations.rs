//! Table `task` as operators and the search for lost messages see it.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{column, place::Place, tasks::BEGUN};
use crate::{
    domain::{
        Error, Result,
        tasks::{Failure, Status},
    },
    infrastructure::db::{Parameter, Sql},
    telemetry::{TraceContext, TraceId},
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
    #[serde(with = "crate::domain::timestamp")]
    pub since: OffsetDateTime,
    #[serde(with = "crate::domain::timestamp")]
    pub created_at: OffsetDateTime,
    /// Why its last attempt failed: a code. The causes are in the log of the worker.
    pub error_code: Option<&'static str>,
}

/// The columns of [`Listed`].
fn columns() -> String {
    format!("id, name, state, since, created_at, error, {BEGUN} as attempts")
}

/// Returns up to `limit` tasks in these states, the latest change first.
pub async fn list(
    sql: &impl Sql,
    statuses: &[Status],
    name: Option<&str>,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let states: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    let (since, id) = (after.map(|place| place.since), after.map(|place| place.id));
    let mut params: Vec<&dyn Parameter> = vec![&states, &since, &id, &limit];
    if let Some(name) = &name {
        params.push(name);
    }
    let rows = sql.rows(&list_statement(name.is_some(), after.is_some()), &params).await?;
    rows.iter().map(listed).collect()
}

/// Reads each state in the order of an index, and ends at the limit: however many there are, of whatever name.
/// The condition on `succeeded` is that of the indexes. Public for the test that asks Postgres for its plan.
pub fn list_statement(of_name: bool, behind_a_place: bool) -> String {
    let columns = columns();
    let name = if of_name { "and name = $5" } else { "" };
    // Both parameters are there in any case: their types do not depend on the text.
    let place = if behind_a_place {
        "(since, id) < ($2::timestamptz, $3::uuid)"
    } else {
        "$2::timestamptz is null and $3::uuid is null"
    };
    format!(
        "select found.* from unnest($1::text[]) as wanted (state)
         cross join lateral (
           select {columns} from task
           where task.state = wanted.state and task.state <> 'succeeded' {name}
             and {place}
           order by since desc, id desc limit $4) as found
         order by since desc, id desc limit $4"
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
        error_code: column::<Option<&str>>(row, "error")?.map(|text| Failure::of_column(text).as_str()),
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
    #[serde(with = "crate::domain::timestamp::option")]
    pub finished_at: Option<OffsetDateTime>,
    pub args: Value,
    pub result: Option<Value>,
    /// The trace that it belongs to, as its log lines show it.
    pub trace_id: Option<TraceId>,
}

pub async fn show(sql: &impl Sql, id: Uuid) -> Result<Option<Shown>> {
    let text = format!(
        "select {}, owner, unique_key, set_aside_at is not null as set_aside, finished_at, args, result,
                traceparent
         from task where id = $1",
        columns()
    );
    let Some(row) = sql.row(&text, &[&id]).await? else { return Ok(None) };
    Ok(Some(Shown {
        task: listed(&row)?,
        error: column::<Option<&str>>(&row, "error")?.map(|text| Failure::of_column(text).sentence()),
        owner: column(&row, "owner")?,
        unique_key: column(&row, "unique_key")?,
        set_aside: column(&row, "set_aside")?,
        finished_at: column(&row, "finished_at")?,
        args: column(&row, "args")?,
        result: column(&row, "result")?,
        trace_id: trace(&row)?.map(|trace| trace.id),
    }))
}

/// A task whose row is locked until the transaction ends.
#[derive(Debug)]
pub struct Locked {
    pub id: Uuid,
    pub name: String,
    pub args: Value,
    pub status: Status,
    pub attempt: i32,
    pub earlier_attempts: i32,
    pub owner: Option<Uuid>,
    /// A worker runs it until this moment at the latest.
    pub busy_until: Option<OffsetDateTime>,
    pub set_aside: bool,
    /// None in rows of earlier versions.
    pub trace: Option<TraceContext>,
}

impl Locked {
    /// Returns whether its present attempt has not begun.
    pub fn waits(&self) -> bool {
        matches!(self.status, Status::Queued | Status::Retrying)
    }
}

/// The columns of [`Locked`].
const LOCKED: &str = "id, name, args, state, attempt, earlier_attempts, owner, traceparent,
    set_aside_at is not null as set_aside,
    case when state = 'running' and running_until >= clock_timestamp() then running_until end as busy_until";

pub async fn lock(tx: &impl Sql, id: Uuid) -> Result<Option<Locked>> {
    let text = format!("select {LOCKED} from task where id = $1 for update");
    tx.row(&text, &[&id]).await?.as_ref().map(locked).transpose()
}

fn locked(row: &Row) -> Result<Locked> {
    let state: &str = column(row, "state")?;
    let unknown = || Error::internal(format!("task row with the unknown state {state}"));
    Ok(Locked {
        id: column(row, "id")?,
        name: column(row, "name")?,
        args: column(row, "args")?,
        status: Status::parse(state).ok_or_else(unknown)?,
        attempt: column(row, "attempt")?,
        earlier_attempts: column(row, "earlier_attempts")?,
        owner: column(row, "owner")?,
        busy_until: column(row, "busy_until")?,
        set_aside: column(row, "set_aside")?,
        trace: trace(row)?,
    })
}

fn trace(row: &Row) -> Result<Option<TraceContext>> {
    Ok(column::<Option<&str>>(row, "traceparent")?.and_then(TraceContext::of_traceparent))
}

/// How long messages live.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    /// On their queue.
    pub queued: Duration,
    /// In all, after they were given up.
    pub set_aside: Duration,
}

/// Returns up to `limit` tasks that have been in their state for longer than their message lives, in one order,
/// from behind `after` on. `since` of a place is the moment when the task began to wait.
pub async fn late(sql: &impl Sql, lives: Lives, after: Option<Place>, limit: i64) -> Result<Vec<Place>> {
    let (since, id) = (after.map(|place| place.since), after.map(|place| place.id));
    let rows = sql
        .rows(
            &late_statement(after.is_some()),
            &[&lives.queued.as_secs_f64(), &lives.set_aside.as_secs_f64(), &limit, &since, &id],
        )
        .await?;
    rows.iter().map(|row| Ok(Place { since: column(row, "moment")?, id: column(row, "id")? })).collect()
}

const WAITS_LONG: &str = "set_aside_at is null and since < statement_timestamp() - $1 * interval '1 second'";
const ASIDE_LONG: &str = "set_aside_at < statement_timestamp() - $2 * interval '1 second'";

/// Reads each state in the order of an index, and ends at the limit. Public for the test that asks Postgres for
/// its plan.
pub fn late_statement(behind_a_place: bool) -> String {
    let branches: Vec<String> = ["queued", "retrying", "running"]
        .iter()
        // In the order of `task_late_idx`, although `set_aside_at` is null in half of the branches.
        .flat_map(|state| {
            [
                (WAITS_LONG, "since", "set_aside_at, since, id"),
                (ASIDE_LONG, "set_aside_at", "set_aside_at, id"),
            ]
            .map(|branch| (state, branch))
        })
        .map(|(state, (late, moment, order))| {
            // Both parameters are there in any case: their types do not depend on the text.
            let place = if behind_a_place {
                format!("({moment}, id) > ($4::timestamptz, $5::uuid)")
            } else {
                "$4::timestamptz is null and $5::uuid is null".to_owned()
            };
            format!(
                "(select id, {moment} as moment from task where state = '{state}' and {late} and {place}
                  order by {order} limit $3)"
            )
        })
        .collect();
    format!("select id, moment from ({}) as late order by moment, id limit $3", branches.join(" union all "))
}

/// Locks these tasks, if they are still late. Tasks that others hold are skipped.
pub async fn lock_late(tx: &impl Sql, lives: Lives, late: &[Place]) -> Result<Vec<Locked>> {
    let ids: Vec<Uuid> = late.iter().map(|place| place.id).collect();
    let text = format!(
        "select {LOCKED} from task
         where id = any ($3) and state in ('queued', 'retrying', 'running') and ({WAITS_LONG} or {ASIDE_LONG})
           and (running_until is null or running_until < statement_timestamp())
         for update skip locked"
    );
    let params: [&dyn Parameter; 3] = [&lives.queued.as_secs_f64(), &lives.set_aside.as_secs_f64(), &ids];
    tx.rows(&text, &params).await?.iter().map(locked).collect()
}

/// Moves a locked task to its next attempt, whose message the caller writes in the same transaction.
/// Copies of older messages find another attempt in the row and run nothing. `earlier_attempts` no longer count
/// towards the limit. Returns `false`, and changes nothing, when another task of its name and key waits: that one
/// will do the work.
///
/// # Errors
/// `AlreadyExists` when that other task is written at this very moment.
pub async fn next_attempt(tx: &impl Sql, task: &Locked, earlier_attempts: i32) -> Result<bool> {
    let moved = tx
        .execute(
            "update task set state = 'retrying', attempt = attempt + 1, since = clock_timestamp(),
                    earlier_attempts = $2, never_begun = never_begun + $3,
                    finished_at = null, running_until = null, set_aside_at = null
             where id = $1 and not exists (
               select from task as twin
               where twin.name = task.name and twin.unique_key = task.unique_key and twin.id <> task.id
                 and twin.state in ('queued', 'retrying'))",
            &[&task.id, &earlier_attempts, &i32::from(task.waits())],
        )
        .await?;
    Ok(moved == 1)
}

/// Ends a locked task. `failure`: why, if it is not what the row says already.
pub async fn end(tx: &impl Sql, task: &Locked, status: Status, failure: Option<Failure>) -> Result<()> {
    tx.execute(
        "update task set state = $2, error = coalesce($3, error), finished_at = clock_timestamp(),
                since = clock_timestamp(), running_until = null, set_aside_at = null,
                never_begun = never_begun + $4
         where id = $1",
        &[&task.id, &status.as_str(), &failure.map(Failure::as_str), &i32::from(task.waits())],
    )
    .await
    .map(drop)
}

/// Notes that the message of a task has not been on its queue for long, or not yet.
pub async fn still_waits(tx: &impl Sql, id: Uuid, since: Option<OffsetDateTime>) -> Result<()> {
    tx.execute("update task set since = coalesce($2, clock_timestamp()) where id = $1", &[&id, &since])
        .await
        .map(drop)
}
