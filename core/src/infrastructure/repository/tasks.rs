//! Table `task`: what became of each background task.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::column;
use crate::{
    domain::Result,
    infrastructure::{db::Sql, messaging::Queue},
};

/// Writes a task's row unless it is there already; an id that comes from its cause makes a
/// repeated message harmless.
///
/// Returns whether it was new.
pub async fn create(sql: &impl Sql, id: Uuid, name: &str, queue: Queue, args: &Value) -> Result<bool> {
    let rows = sql
        .rows(
            "insert into task (id, name, queue, args) values ($1, $2, $3, $4) on conflict (id) do nothing returning id",
            &[(&id, Type::UUID), (&name, Type::TEXT), (&queue.as_str(), Type::TEXT), (&args, Type::JSONB)],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// What a claim found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Ours, until `running_for` is over. Attempts count from 1.
    Ours { attempt: i32 },
    /// Somebody else is at it: come back later.
    RunningElsewhere,
    /// Done, one way or the other.
    Finished,
    /// There is no such task.
    Unknown,
}

/// Takes a task to run it. One that was left running by a dead worker is free after its time.
pub async fn claim(sql: &impl Sql, id: Uuid, running_for: std::time::Duration) -> Result<Claim> {
    let seconds = running_for.as_secs_f64();
    let row = sql
        .row(
            "with claimed as (
               update task set state = 'running', started_at = clock_timestamp(), attempts = attempts + 1,
                      running_until = clock_timestamp() + $2 * interval '1 second'
               where id = $1 and (state in ('queued', 'retrying') or (state = 'running' and running_until < clock_timestamp()))
               returning attempts)
             select (select attempts from claimed) as attempt, (select state from task where id = $1) as state",
            &[(&id, Type::UUID), (&seconds, Type::FLOAT8)],
        )
        .await?
        .ok_or_else(|| crate::domain::Error::internal("a select without a row"))?;
    let state: Option<&str> = column(&row, "state")?;
    Ok(match (column(&row, "attempt")?, state) {
        (Some(attempt), _) => Claim::Ours { attempt },
        (None, Some("running")) => Claim::RunningElsewhere,
        (None, Some(_)) => Claim::Finished,
        (None, None) => Claim::Unknown,
    })
}

/// Ends a task well.
pub async fn succeed(sql: &impl Sql, id: Uuid, result: &Value) -> Result<()> {
    sql.execute(
        "update task set state = 'succeeded', result = $2, error = null, finished_at = clock_timestamp(), running_until = null
         where id = $1 and state = 'running'",
        &[(&id, Type::UUID), (&result, Type::JSONB)],
    )
    .await
    .map(drop)
}

/// Notes a failure: `last` ends the task, otherwise its message will come again.
pub async fn fail(sql: &impl Sql, id: Uuid, error: &str, last: bool) -> Result<()> {
    sql.execute(
        "update task set state = case when $3 then 'failed' else 'retrying' end, error = left($2, 2000), running_until = null,
                finished_at = case when $3 then clock_timestamp() end
         where id = $1 and state = 'running'",
        &[(&id, Type::UUID), (&error, Type::TEXT), (&last, Type::BOOL)],
    )
    .await
    .map(drop)
}
