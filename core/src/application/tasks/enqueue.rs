//! Starting a task inside a transaction: it will run if and only if that commits.

use std::{marker::PhantomData, time::Duration};

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Task;
use crate::{
    domain::{Error, Result, clock::Clock},
    infrastructure::{
        messaging::envelope::{self, TaskMessage, Trace, message_id, passed_on_id},
        repository::tasks::{self, NewTask},
        tx::Tx,
    },
};

/// A message holds 100 KiB. The rest is for what stands next to the arguments, in each attempt.
pub(super) const MAX_ARGS_BYTES: usize = 96 * 1024;

/// Returns whether a message with these arguments can be sent, in the first attempt and in the last.
pub(super) fn fits(args: &Value) -> Result<bool> {
    Ok(envelope::to_json(args)?.len() <= MAX_ARGS_BYTES)
}

/// `Enqueue::new(&SayMeow { to: None })?.delay(an_hour).write(&mut tx).await?`
#[derive(Debug, Clone)]
pub struct Enqueue<T> {
    row: NewTask,
    task: PhantomData<fn() -> T>,
}

impl<T: Task> Enqueue<T> {
    /// The task continues the trace of the request or message that is being worked on.
    ///
    /// # Errors
    /// `Internal` when the arguments are larger than a message takes.
    pub fn new(task: &T) -> Result<Self> {
        let args = serde_json::to_value(task).map_err(Error::internal)?;
        if !fits(&args)? {
            let why = format!(
                "the arguments of {} exceed {MAX_ARGS_BYTES} bytes; store large data in a table",
                T::NAME
            );
            return Err(Error::internal(why));
        }
        let row = NewTask {
            id: Uuid::now_v7(),
            name: T::NAME,
            queue: T::QUEUE,
            args,
            unique_key: None,
            owner: None,
            delay: Duration::ZERO,
            trace: Trace::current(),
        };
        Ok(Self { row, task: PhantomData })
    }

    /// An id that follows from the task's cause makes a repetition of the cause harmless: the
    /// second task of an id is not written.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.row.id = id;
        self
    }

    /// Delays the task by this time, however long. A delay that is too long for the queue is spent in the
    /// outbox; the task may then be up to a minute late.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.row.delay = delay;
        self
    }

    /// Runs the task at this time, or at once if it has passed.
    #[must_use]
    pub fn at(self, moment: OffsetDateTime, clock: &dyn Clock) -> Self {
        let delay = (moment - clock.now()).try_into().unwrap_or_default();
        self.delay(delay)
    }

    /// Skips the task if one with the same name and key is waiting, and returns that task's id. A running
    /// task does not count, because it may have missed the latest change.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.row.unique_key = Some(key.into());
        self
    }

    /// Sets the user who may see the task's state.
    #[must_use]
    pub fn owner(mut self, user: Uuid) -> Self {
        self.row.owner = Some(user);
        self
    }

    /// Writes the task's row and its message in the caller's transaction, and returns the id of
    /// the task that will run.
    pub async fn write(self, tx: &mut Tx<'_>) -> Result<Uuid> {
        loop {
            if tasks::create(&*tx, std::slice::from_ref(&self.row)).await?.is_empty() {
                let Some(key) = &self.row.unique_key else { return Ok(self.row.id) };
                if let Some(waiting) = tasks::find_waiting(&*tx, T::NAME, key).await? {
                    return Ok(waiting);
                }
                if tasks::exists(&*tx, self.row.id).await? {
                    return Ok(self.row.id);
                }
                // It began to run between the two statements: now there is room for ours.
                continue;
            }
            return self.send(tx);
        }
    }

    /// Writes many tasks, all that have no key in one statement. It skips a task whose id exists, and a task
    /// whose key another waiting task has.
    pub async fn write_all(tx: &mut Tx<'_>, tasks: Vec<Self>) -> Result<()> {
        let (mut keyed, free): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(|task| task.row.unique_key.is_some());
        let rows: Vec<NewTask> = free.iter().map(|task| task.row.clone()).collect();
        let new = if rows.is_empty() { Vec::new() } else { tasks::create(&*tx, &rows).await? };
        for task in free {
            if new.contains(&task.row.id) {
                task.send(tx)?;
            }
        }
        // In one order, whatever the caller's: two transactions with the same keys cannot deadlock.
        keyed.sort_by(|a, b| a.row.unique_key.cmp(&b.row.unique_key));
        for task in keyed {
            task.write(tx).await?;
        }
        Ok(())
    }

    fn send(self, tx: &mut Tx<'_>) -> Result<Uuid> {
        let NewTask { id, args, queue, delay, trace, .. } = self.row;
        tx.enqueue(queue, message_id(id, 1), &TaskMessage::new(T::NAME, args, id, 1, trace), delay)?;
        Ok(id)
    }
}

/// The message of a task that came on the wrong queue. However often it comes there, it is sent on once.
pub(super) fn passed_on(name: &str, args: Value, task: Uuid, attempt: i32) -> (Uuid, TaskMessage) {
    (passed_on_id(task, attempt), TaskMessage::new(name, args, task, attempt, Trace::current()))
}

/// The message of a later attempt.
pub(super) fn retry(name: &str, args: Value, task: Uuid, attempt: i32, trace: Trace) -> (Uuid, TaskMessage) {
    (message_id(task, attempt), TaskMessage::new(name, args, task, attempt, trace))
}
