//! Table `task`: what became of each background task.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::column;
use crate::{
    domain::{Error, Result, tasks::Failure},
    infrastructure::{
        db::Sql,
        messaging::{Queue, envelope::Trace},
    },
    telemetry,
};

#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    pub id: Uuid,
    pub name: &'static str,
    pub queue: Queue,
    pub args: Value,
    pub unique_key: Option<String>,
    pub owner: Option<Uuid>,
    /// Its message is not received before this has passed.
    pub delay: Duration,
    pub trace: Trace,
}

/// Writes new tasks in one statement and returns the ids of the tasks that it wrote. It skips a task whose id
/// exists, and a task whose key another waiting task has.
pub async fn create(sql: &impl Sql, tasks: &[NewTask]) -> Result<Vec<Uuid>> {
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
    let names: Vec<&str> = tasks.iter().map(|task| task.name).collect();
    let queues: Vec<&str> = tasks.iter().map(|task| task.queue.as_str()).collect();
    let args: Vec<&Value> = tasks.iter().map(|task| &task.args).collect();
    let keys: Vec<Option<&str>> = tasks.iter().map(|task| task.unique_key.as_deref()).collect();
    let owners: Vec<Option<Uuid>> = tasks.iter().map(|task| task.owner).collect();
    let delays: Vec<f64> = tasks.iter().map(|task| task.delay.as_secs_f64()).collect();
    let traces: Vec<Option<String>> =
        tasks.iter().map(|task| task.trace.context.map(|trace| trace.to_string())).collect();
    let rows = sql
        .rows(
            "insert into task (id, name, queue, args, unique_key, owner, since, traceparent)
             select id, name, queue, args, unique_key, owner, clock_timestamp() + delay * interval '1 second', traceparent
             from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::uuid[], $7::float8[], $8::text[])
               as new (id, name, queue, args, unique_key, owner, delay, traceparent)
             on conflict do nothing
             returning id",
            &[
                &ids,
                &names,
                &queues,
                &args,
                &keys,
                &owners,
                &delays,
                &traces,
            ],
        )
        .await?;
    rows.iter().map(|row| column(row, "id")).collect()
}

/// Writes the row of a task that came without one: from a schedule, or by hand. It has the trace of the message that is
/// being worked on. Does nothing if another copy of its message was faster.
pub async fn adopt(
    sql: &impl Sql,
    id: Uuid,
    name: &str,
    queue: Queue,
    args: &Value,
    attempt: i32,
) -> Result<()> {
    sql.execute(
        "insert into task (id, name, queue, args, attempt, traceparent) values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do nothing",
        &[&id, &name, &queue.as_str(), &args, &attempt, &telemetry::trace().map(|trace| trace.to_string())],
    )
    .await
    .map(drop)
}

/// The task of this name and key that waits to be run, if there is one. It does not begin before
/// the caller's transaction has committed: so it sees what that has changed.
pub async fn find_waiting(sql: &impl Sql, name: &str, unique_key: &str) -> Result<Option<Uuid>> {
    let row = sql
        .row(
            "select id from task where name = $1 and unique_key = $2 and state in ('queued', 'retrying') for share",
            &[&name, &unique_key],
        )
        .await?;
    row.map(|row| column(&row, "id")).transpose()
}

pub async fn exists(sql: &impl Sql, id: Uuid) -> Result<bool> {
    Ok(sql.row("select from task where id = $1", &[&id]).await?.is_some())
}

/// What a claim found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Ours, until `running_for` has passed. `earlier_attempts` do not count towards the limit.
    Ours { earlier_attempts: i32 },
    /// Another worker runs it: come back later.
    RunningElsewhere,
    /// This attempt has ended: done, cancelled, or replaced by a later one.
    Over,
    /// The task with this id has another name.
    OtherTask,
    /// There is no such task.
    Unknown,
}

/// Takes a task to run this attempt of it. A task that a dead worker left running is free after its
/// time.
pub async fn claim(
    sql: &impl Sql,
    id: Uuid,
    name: &str,
    attempt: i32,
    running_for: Duration,
) -> Result<Claim> {
    let seconds = running_for.as_secs_f64();
    let row = sql
        .row(
            // Locked first: a claim that waits here for another one must see what that one has done. The
            // rest of the statement would still see the row as it was before.
            "with found as materialized (
               select id, name, state, attempt, earlier_attempts, running_until from task where id = $1 for update),
             claimed as (
               update task set state = 'running', started_at = clock_timestamp(), since = clock_timestamp(),
                      running_until = clock_timestamp() + $3 * interval '1 second', set_aside_at = null
               from found
               where task.id = found.id and found.attempt = $2 and found.name = $4
                 and (found.state in ('queued', 'retrying')
                      or (found.state = 'running' and found.running_until < clock_timestamp()))
               returning task.id)
             select exists (select from claimed) as ours, state = 'running' and attempt = $2 as running,
                    name = $4 as same_task, earlier_attempts
             from found",
            &[&id, &attempt, &seconds, &name],
        )
        .await?;
    let Some(row) = row else { return Ok(Claim::Unknown) };
    if !column::<bool>(&row, "same_task")? {
        return Ok(Claim::OtherTask);
    }
    Ok(match (column(&row, "ours")?, column(&row, "running")?) {
        (true, _) => Claim::Ours { earlier_attempts: column(&row, "earlier_attempts")? },
        (false, true) => Claim::RunningElsewhere,
        (false, false) => Claim::Over,
    })
}

/// Records that a task succeeded.
///
/// # Errors
/// `Unavailable` when this attempt no longer counts: it took longer than it was claimed for, and another
/// worker has ended the task. What it wrote must not be committed.
pub async fn succeed(sql: &impl Sql, id: Uuid, attempt: i32, result: &Value) -> Result<()> {
    let ended = sql
        .execute(
            "update task set state = 'succeeded', result = $3, error = null, finished_at = clock_timestamp(),
                    since = clock_timestamp(), running_until = null, set_aside_at = null
             where id = $1 and attempt = $2 and state = 'running'",
            &[&id, &attempt, &result],
        )
        .await?;
    still_ours(ended)
}

/// Ends a task badly.
///
/// # Errors
/// As [`succeed`].
pub async fn fail(sql: &impl Sql, id: Uuid, attempt: i32, failure: Failure) -> Result<()> {
    let ended = sql
        .execute(
            "update task set state = 'failed', error = $3, finished_at = clock_timestamp(),
                    since = clock_timestamp(), running_until = null, set_aside_at = null
             where id = $1 and attempt = $2 and state = 'running'",
            &[&id, &attempt, &failure.as_str()],
        )
        .await?;
    still_ours(ended)
}

/// Notes a failure and makes room for the next attempt, whose message the caller writes in the same
/// transaction. `delay` passes before that message can be received. Returns `false` when another task
/// of the same key waits already: that one will do the work, and this one has ended.
///
/// # Errors
/// As [`succeed`]; `AlreadyExists` when that other task was written at this very moment: a second
/// try finds it.
pub async fn retry(tx: &impl Sql, id: Uuid, attempt: i32, failure: Failure, delay: Duration) -> Result<bool> {
    let row = tx
        .row(
            "update task as mine set
                    state = case when twin.id is null then 'retrying' else 'failed' end,
                    attempt = mine.attempt + case when twin.id is null then 1 else 0 end,
                    finished_at = case when twin.id is not null then clock_timestamp() end,
                    since = clock_timestamp() + case when twin.id is null then $5 else 0 end * interval '1 second',
                    error = case when twin.id is null then $3 else $4 end,
                    running_until = null, set_aside_at = null
             from (select 1) as once
                  left join task as twin
                    on twin.name = (select name from task where id = $1)
                   and twin.unique_key = (select unique_key from task where id = $1)
                   and twin.state in ('queued', 'retrying')
             where mine.id = $1 and mine.attempt = $2 and mine.state = 'running'
             returning mine.state = 'retrying' as again",
            &[
                &id,
                &attempt,
                &failure.as_str(),
                &Failure::Superseded.as_str(),
                &delay.as_secs_f64(),
            ],
        )
        .await?;
    still_ours(row.iter().len() as u64)?;
    row.map_or(Ok(false), |row| column(&row, "again"))
}

/// Notes that the message of this attempt has been given up. Only a redrive will run it, so it must
/// not keep others of its key from being started. A task that still runs is left alone, because it will end.
pub async fn set_aside(sql: &impl Sql, id: Uuid, name: &str, attempt: i32) -> Result<()> {
    sql.execute(
        "update task set unique_key = null, error = $4, set_aside_at = clock_timestamp()
         where id = $1 and name = $2 and attempt = $3
           and (state in ('queued', 'retrying') or (state = 'running' and running_until < clock_timestamp()))",
        &[
            &id,
            &name,
            &attempt,
            &Failure::SetAside.as_str(),
        ],
    )
    .await
    .map(drop)
}

fn still_ours(changed: u64) -> Result<()> {
    if changed == 0 { Err(Error::unavailable("task", "another worker has taken it over")) } else { Ok(()) }
}

/// How many attempts have begun. A task that waits has not begun the attempt that it waits for.
pub(super) const BEGUN: &str =
    "attempt - never_begun - case when state in ('queued', 'retrying') then 1 else 0 end";

/// A task as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    pub id: Uuid,
    pub name: String,
    pub status: String,
    /// How many have begun.
    pub attempts: i32,
    pub result: Option<Value>,
    /// Why its last attempt failed.
    pub failure: Option<Failure>,
    pub created_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
}

/// Returns a task if this owner owns it. Without an owner it returns any task. The task of another owner
/// counts as missing.
pub async fn find(sql: &impl Sql, id: Uuid, owner: Option<Uuid>) -> Result<Option<TaskView>> {
    let row = sql
        .row(
            &format!(
                "select id, name, state, result, error, created_at, finished_at, {BEGUN} as attempts
                 from task where id = $1 and ($2::uuid is null or owner = $2)"
            ),
            &[&id, &owner],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(TaskView {
        id: column(&row, "id")?,
        name: column(&row, "name")?,
        status: column(&row, "state")?,
        attempts: column(&row, "attempts")?,
        result: column(&row, "result")?,
        failure: column::<Option<&str>>(&row, "error")?.map(Failure::of_column),
        created_at: column(&row, "created_at")?,
        finished_at: column(&row, "finished_at")?,
    }))
}
