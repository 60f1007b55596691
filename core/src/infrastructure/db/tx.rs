//! A transaction, and the messages that must leave if and only if it commits.

use std::time::Duration;

use deadpool_postgres::Transaction;
use uuid::Uuid;

use super::{Link, Sql, Waiting, from_postgres};
use crate::{
    config::Statements,
    domain::{Result, event::Event},
    infrastructure::messaging::{
        Outgoing, Queue,
        envelope::{EventMessage, TaskMessage},
        outbox,
    },
};

/// Rolls back when dropped. `commit` writes recorded messages to the outbox first.
pub struct Tx<'a> {
    inner: Transaction<'a>,
    waiting: &'a Waiting,
    statements: Statements,
    own_lease: Duration,
    messages: Vec<Outgoing>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(
        inner: Transaction<'a>,
        waiting: &'a Waiting,
        statements: Statements,
        own_lease: Duration,
    ) -> Self {
        Self { inner, waiting, statements, own_lease, messages: Vec::new() }
    }

    /// Something happened: it will be told on the events queue once this commits.
    pub fn record<E: Event>(&mut self, event: &E) -> Result<()> {
        self.send_event(&EventMessage::new(event)?, event.group())
    }

    /// As [`Self::record`], for an event that somebody else has written down.
    pub fn send_event(&mut self, message: &EventMessage, group: Option<String>) -> Result<()> {
        self.messages.push(Outgoing {
            id: message.id,
            queue: Queue::Events,
            body: message.to_json()?,
            group,
            delay: Duration::ZERO,
        });
        Ok(())
    }

    /// Work to be done by a queue's worker once this commits, and not before `delay` is over. The
    /// task's row is the caller's, and so is the message's id: one task is sent once an attempt.
    pub fn enqueue(&mut self, queue: Queue, id: Uuid, task: &TaskMessage, delay: Duration) -> Result<()> {
        let body = task.to_json()?;
        self.messages.push(Outgoing { id, queue, body, group: None, delay });
        Ok(())
    }

    /// What `work` does and records counts only if it succeeds; the transaction goes on in any case.
    ///
    /// # Errors
    /// Only the database's, with which the transaction is over. `work`'s own is in the inner result.
    pub async fn attempt<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        self.execute("savepoint attempt", &[]).await?;
        let recorded = self.messages.len();
        let outcome = work(self).await;
        if outcome.is_err() {
            self.messages.truncate(recorded);
            self.execute("rollback to savepoint attempt", &[]).await?;
        }
        Ok(outcome)
    }

    /// Commits, and returns what the caller may send at once. Whoever publishes sends it; what
    /// that misses, and what is for later, the relay finds in the outbox.
    pub async fn commit(self) -> Result<Vec<Outgoing>> {
        let ours = if self.messages.is_empty() {
            Vec::new()
        } else {
            outbox::insert(&self, &self.messages, self.own_lease).await?
        };
        let question = self.waiting.ask();
        let committed = self.inner.commit().await;
        question.answered();
        committed.map_err(from_postgres)?;
        Ok(ours)
    }
}

impl Sql for Tx<'_> {
    fn link(&self) -> Link<'_> {
        Link {
            client: self.inner.client(),
            waiting: self.waiting,
            prepared: &self.inner.statement_cache,
            statements: self.statements,
        }
    }
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("messages", &self.messages.len()).finish_non_exhaustive()
    }
}
