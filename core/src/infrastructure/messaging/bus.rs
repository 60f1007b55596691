//! The port to what carries messages; its bodies are SQS, Kafka and, for tests, memory.

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::domain::{Result, words::words};

words! {
    /// A queue, with its word in the outbox table.
    #[derive(Hash)]
    pub enum Queue {
        Events = "events",
        Tasks = "tasks",
        /// Tasks that send mail. A flood of them delays no other task.
        Mail = "mail",
    }
}

impl Queue {
    /// Returns whether its messages are tasks.
    pub fn carries_tasks(self) -> bool {
        match self {
            Self::Events => false,
            Self::Tasks | Self::Mail => true,
        }
    }

    /// Returns the words of all queues, for a statement that reads one queue after the other.
    pub(in crate::infrastructure) fn words() -> Vec<&'static str> {
        Self::ALL.map(Self::as_str).to_vec()
    }
}

/// A message that has to be sent once its transaction has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its row in the outbox.
    pub id: Uuid,
    pub queue: Queue,
    /// JSON text of at most 100 KiB.
    pub body: String,
    /// Messages of one group leave one after the other, in the order of their commits.
    pub group: Option<String>,
    /// For how long from now nobody shall receive it; mostly zero.
    pub delay: Duration,
}

/// The result of one call to a queue. A message in neither list was not tried, or its result is unknown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sent {
    pub accepted: Vec<Uuid>,
    /// The queue refused these; the word says why.
    pub refused: Vec<(Uuid, String)>,
}

pub trait Bus: Send + Sync {
    /// Sends messages to one queue, in as few calls as it can.
    ///
    /// # Errors
    /// `Unavailable` when the queue cannot be reached at all.
    fn send<'a>(&'a self, queue: Queue, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Sent>>;

    /// Whether the queue answers.
    fn ping(&self, queue: Queue) -> BoxFuture<'_, Result<()>>;
}
