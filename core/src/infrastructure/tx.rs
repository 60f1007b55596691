//! A transaction, and the messages that must leave if and only if it commits.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use uuid::Uuid;

use crate::{
    config::{OutboxConfig, Statements},
    domain::{Result, event::Event},
    infrastructure::{
        db::{Conn, Connection, Repeat, Runner, Sql, Statement, from_postgres},
        messaging::{
            Outgoing, Queue,
            envelope::{EventMessage, TaskMessage},
            outbox,
        },
    },
    telemetry::Span,
};

/// Rolls back when dropped. `commit` writes recorded messages to the outbox first.
pub struct Tx<'a> {
    connection: &'a Connection,
    statements: Statements,
    outbox: OutboxConfig,
    messages: Vec<Outgoing>,
    last: Vec<Statement>,
    /// How many statements have been sent in it, without the ones that are sent with the commit.
    sent: AtomicUsize,
    /// The commit has been sent: there is nothing left to roll back.
    ended: AtomicBool,
}

/// A moment in a transaction.
#[derive(Debug)]
pub struct Mark {
    messages: usize,
    last: usize,
}

impl Conn {
    /// Starts a transaction. Dropped without `commit`, it rolls back.
    pub async fn begin(&mut self) -> Result<Tx<'_>> {
        let (connection, statements, outbox) = self.parts();
        let (messages, last) = (Vec::new(), Vec::new());
        let (sent, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
        // Created before anything is sent, so that it also rolls back if its future is dropped here.
        let tx = Tx { connection, statements, outbox, messages, last, sent, ended };
        let question = connection.health.ask();
        let span = Span::call(|| "begin".to_owned());
        let begun = connection.client.batch_execute("begin").await;
        span.end(&begun);
        question.answered(begun).map_err(from_postgres)?;
        Ok(tx)
    }
}

impl Tx<'_> {
    /// Emits an event: after the commit it is sent to the events queue.
    pub fn record<E: Event>(&mut self, event: &E) -> Result<()> {
        self.send_event(&EventMessage::new(event)?, event.group())
    }

    /// Like [`Self::record`], for an event that is already serialised, for example one sent by hand.
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

    /// Sends a task to a queue's worker after the commit and after `delay`. The caller writes the task's row
    /// and chooses the message's id, because each attempt of a task is one message.
    pub fn enqueue(&mut self, queue: Queue, id: Uuid, task: &TaskMessage, delay: Duration) -> Result<()> {
        let body = task.to_json()?;
        self.messages.push(Outgoing { id, queue, body, group: None, delay });
        Ok(())
    }

    /// Runs `work`, and undoes what it did and recorded if it fails. The transaction can be used afterwards.
    ///
    /// # Errors
    /// The outer error is a database error and ends the transaction. The inner result is what `work`
    /// returned.
    pub async fn attempt<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        let mark = self.mark().await?;
        let outcome = work(self).await;
        self.settle(mark, outcome).await
    }

    /// Begins what [`Self::settle`] ends. For work in a future that must be `Send`; else take [`Self::attempt`].
    pub async fn mark(&mut self) -> Result<Mark> {
        self.execute("savepoint attempt", &[]).await?;
        Ok(Mark { messages: self.messages.len(), last: self.last.len() })
    }

    /// Undoes everything since the mark if the outcome is an error, and returns the outcome.
    pub async fn settle<T>(&mut self, mark: Mark, outcome: Result<T>) -> Result<Result<T>> {
        if outcome.is_err() {
            self.messages.truncate(mark.messages);
            self.last.truncate(mark.last);
            self.execute("rollback to savepoint attempt", &[]).await?;
        }
        Ok(outcome)
    }

    /// Runs a statement right before the commit, in one round trip with it. Use it for a row that nothing in
    /// the transaction reads or waits for. If it fails, so does the commit.
    pub fn last(&mut self, statement: Statement) {
        self.last.push(statement);
    }

    /// Commits and returns the messages to send right away. The relay sends all others: delayed ones, and
    /// the ones that the caller fails to send.
    ///
    /// Statements that are still to be run are sent together with the commit. Postgres runs them in order,
    /// and a commit after a failed statement rolls back.
    pub async fn commit(mut self) -> Result<Vec<Outgoing>> {
        let (messages, mut last) = (std::mem::take(&mut self.messages), std::mem::take(&mut self.last));
        if !messages.is_empty() {
            last.extend(outbox::insert(&messages, self.outbox)?);
        }
        let commit = async {
            self.ended.store(true, Ordering::Relaxed);
            self.connection.client.batch_execute("commit").await
        };
        // Boxed: it is large, and every caller's future would carry it.
        let rows = Box::pin(self.runner().all_at_once(&last, commit)).await.map_err(from_postgres)?;
        match rows.last() {
            Some(written) if !messages.is_empty() => outbox::ours(messages, written),
            _ => Ok(Vec::new()),
        }
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.ended.load(Ordering::Relaxed) {
            // Polling once is enough to send it. We do not wait for the reply; the next statement on this
            // connection queues behind it.
            let _ = self.connection.client.batch_execute("rollback").now_or_never();
        }
    }
}

impl Sql for Tx<'_> {
    fn runner(&self) -> Runner<'_> {
        self.connection.runner(self.statements, Repeat::Transaction { sent: &self.sent })
    }
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("messages", &self.messages.len()).finish_non_exhaustive()
    }
}
