//! What operators do with tasks, through the function `operations`: list, show, retry and cancel.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Known, enqueue, place, recover_tasks::send_again};
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        tasks::Status,
        timestamp,
    },
    infrastructure::{
        db::{Conn, Db},
        repository::{
            audit,
            place::Place,
            task_operations::{self, Listed, Shown},
        },
        tx::Tx,
    },
};

/// A page has at most so many tasks.
pub const MAX_PAGE: u16 = 200;

/// One call changes at most so many tasks.
const MAX_CHANGES: usize = 100;

#[derive(Debug)]
pub struct TaskOperator<'a> {
    pub(crate) db: &'a Db,
    pub(crate) known: &'a Known,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct TaskPage {
    pub tasks: Vec<Listed>,
    /// Where the next page begins; none on the last one.
    pub next: Option<String>,
}

/// What became of tasks that an operator named.
#[derive(Debug, Default, Serialize)]
pub struct Changed {
    pub changed: Vec<Uuid>,
    pub refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
pub struct Refused {
    pub id: Uuid,
    pub why: String,
}

impl TaskOperator<'_> {
    /// Returns tasks that have not succeeded, the latest change first. Tasks that succeeded are many, and
    /// each is found by its id.
    ///
    /// # Errors
    /// `Validation` for an unknown status, a wrong cursor or a limit out of bounds.
    pub async fn list(
        &self,
        status: Option<&str>,
        name: Option<&str>,
        after: Option<&str>,
        limit: u16,
    ) -> Result<TaskPage> {
        let listed = Status::ALL.into_iter().filter(|status| *status != Status::Succeeded);
        let statuses: Vec<Status> =
            listed.filter(|known| status.is_none_or(|word| known.as_str() == word)).collect();
        if statuses.is_empty() {
            return Err(Error::invalid("status", "queued_running_retrying_failed_or_cancelled"));
        }
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(Error::invalid("limit", "1_to_200"));
        }
        let after = after.map(place::read).transpose()?;
        let limit = i64::from(limit);
        let conn = self.db.conn().await?;
        let tasks = task_operations::list(&conn, &statuses, name, after, limit).await?;
        let last = tasks.last().filter(|_| tasks.len() as i64 == limit);
        let next = last.map(|task| place::write(Place { since: task.since, id: task.id }));
        Ok(TaskPage { tasks, next })
    }

    /// # Errors
    /// `NotFound` with `task`.
    pub async fn show(&self, id: Uuid) -> Result<Shown> {
        task_operations::show(&self.db.conn().await?, id).await?.ok_or(Error::NotFound("task"))
    }

    /// Runs tasks again that have failed, were cancelled, or wait. Each gets all its attempts again.
    /// The relay sends their messages within a minute.
    pub async fn retry(&self, ids: &[Uuid]) -> Result<Changed> {
        self.each(ids, Change::Retry).await
    }

    /// Ends tasks that wait to be run. A task that runs is left alone: it cannot be told to stop.
    pub async fn cancel(&self, ids: &[Uuid]) -> Result<Changed> {
        self.each(ids, Change::Cancel).await
    }

    /// One transaction for each task: one that is refused does not stop the others.
    async fn each(&self, ids: &[Uuid], change: Change) -> Result<Changed> {
        if ids.is_empty() || ids.len() > MAX_CHANGES {
            return Err(Error::invalid("ids", "1_to_100"));
        }
        let mut changed = Changed::default();
        let mut conn = self.db.conn().await?;
        for id in ids.iter().copied() {
            let why = match self.change_one(&mut conn, id, change).await {
                Ok(None) => {
                    changed.changed.push(id);
                    continue;
                }
                Ok(Some(why)) => why,
                // The caller must still learn which tasks were changed.
                Err(error) => {
                    let error = error.chain();
                    tracing::error!(task_id = %id, error, "an operator's change failed");
                    format!("an error occurred: {error}; repeat the command for this task")
                }
            };
            changed.refused.push(Refused { id, why });
        }
        Ok(changed)
    }

    /// Returns why it was refused.
    async fn change_one(&self, conn: &mut Conn, id: Uuid, change: Change) -> Result<Option<String>> {
        let mut tx = conn.begin().await?;
        let why = self.change(&mut tx, id, change).await?;
        if why.is_none() {
            tx.commit().await?;
        }
        Ok(why)
    }

    /// Returns why it was refused.
    async fn change(&self, tx: &mut Tx<'_>, id: Uuid, change: Change) -> Result<Option<String>> {
        let Some(task) = task_operations::lock(&*tx, id).await? else {
            return Ok(Some("there is no such task, or it ended more than 90 days ago".to_owned()));
        };
        if let Some(until) = task.busy_until {
            let until = timestamp::text(until);
            let why =
                format!("the task is running until {until} at the latest; repeat the command after that");
            return Ok(Some(why));
        }
        let action = match change {
            Change::Retry => {
                if task.status == Status::Succeeded {
                    return Ok(Some("the task has succeeded".to_owned()));
                }
                let Ok(rules) = self.known.find_task(&task.name) else {
                    return Ok(Some(format!("this version has no task named {}", task.name)));
                };
                if !enqueue::fits(&task.args)? {
                    let limit = enqueue::MAX_ARGS_BYTES;
                    let why = format!("the arguments exceed {limit} bytes, which is too large for a message");
                    return Ok(Some(why));
                }
                match send_again(tx, &task, rules, task.attempt).await {
                    Ok(true) => Action::TaskRetried,
                    Ok(false) | Err(Error::AlreadyExists(_)) => {
                        let why = "another task with the same name and key is waiting and will do the work";
                        return Ok(Some(why.to_owned()));
                    }
                    Err(error) => return Err(error),
                }
            }
            Change::Cancel => {
                if let Status::Succeeded | Status::Failed | Status::Cancelled = task.status {
                    return Ok(Some(format!("the task has ended: {}", task.status.as_str())));
                }
                task_operations::end(&*tx, &task, Status::Cancelled, None).await?;
                Action::TaskCancelled
            }
        };
        let details = json!({ "task": id, "name": task.name, "was": task.status.as_str() });
        audit::record(tx, &Entry::by_operator(action, task.owner).with(details));
        Ok(None)
    }
}

#[derive(Clone, Copy)]
enum Change {
    Retry,
    Cancel,
}
