//! A transaction, and the messages that must leave if and only if it commits.

use deadpool_postgres::Transaction;

use super::{Link, Sql, from_postgres};
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
    statements: Statements,
    messages: Vec<Outgoing>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(inner: Transaction<'a>, statements: Statements) -> Self {
        Self { inner, statements, messages: Vec::new() }
    }

    /// Something happened: it will be told on the events queue once this commits.
    pub fn record<E: Event>(&mut self, event: &E) -> Result<()> {
        let message = EventMessage::new(event)?;
        self.messages.push(Outgoing { id: message.id, queue: Queue::Events, body: message.to_json()? });
        Ok(())
    }

    /// Work to be done on the tasks queue once this commits. The task's row is the caller's.
    pub fn enqueue(&mut self, task: &TaskMessage) -> Result<()> {
        // One task can be sent again with a higher attempt, so its id cannot be the message's.
        self.messages.push(Outgoing { id: uuid::Uuid::now_v7(), queue: Queue::Tasks, body: task.to_json()? });
        Ok(())
    }

    /// Commits, and returns what is now due to be sent. Whoever publishes sends it at once; what
    /// that misses, the relay finds in the outbox.
    pub async fn commit(self) -> Result<Vec<Outgoing>> {
        if !self.messages.is_empty() {
            outbox::insert(&self, &self.messages).await?;
        }
        self.inner.commit().await.map_err(from_postgres)?;
        Ok(self.messages)
    }
}

impl Sql for Tx<'_> {
    fn link(&self) -> Link<'_> {
        Link {
            client: self.inner.client(),
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
