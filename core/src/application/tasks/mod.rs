//! Background tasks. A task is a struct whose fields are the arguments, with a method `run`. Each task has a
//! row with its state and result.
//!
//! A new task is a file here and a line in `handlers::table`; `docs/events-and-tasks.md` shows one.

pub mod ask_to_verify;
mod backoff;
pub mod clean_up;
mod context;
pub mod email_restored_mail;
mod enqueue;
pub mod erase_users;
mod known;
mod lost_events;
mod mail;
pub mod operator;
mod place;
pub mod recover_tasks;
pub mod say_meow;
pub mod security_mail;
pub mod send_challenge;
mod sms;
#[cfg(test)]
mod snippets;
pub mod welcome_mail;
mod worker;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use backoff::{Backoff, FOR_DAYS, exponential};
pub use context::{KeySource, LimitSource, Mails, SenderSource, Services, TaskContext, Texts};
pub use enqueue::Enqueue;
pub use known::Known;
pub(crate) use known::TaskRules;
pub use worker::{Worker, find, set_aside};

use crate::{domain::Result, infrastructure::messaging::Queue};

pub trait Task: Serialize + DeserializeOwned + Send + Sync {
    /// The name on the wire, in snake case.
    const NAME: &'static str;
    /// The queue of this task. A task that sends mail has [`Queue::Mail`], because only its worker links the mail
    /// client. Another queue needs a variant of `Queue`, a `WorkerQueue` and its own worker.
    const QUEUE: Queue = Queue::Tasks;
    /// After this many failures the task has failed. [`FOR_DAYS`] for a task that waits for something
    /// outside of Postgres, which can be away for longer than a minute.
    const MAX_ATTEMPTS: i32 = 5;
    /// How long to wait after the n-th failure, n from 1. A random part, up to half of it, is subtracted, so
    /// that tasks that failed together do not all run again together.
    const BACKOFF: Backoff = exponential;

    /// Does the work and returns the task's result, at most 64 KiB of JSON.
    ///
    /// After an error that may pass (`Error::retryable`) the task runs again; any other error is final.
    /// Changes through `context.tx()` commit together with the success, so they happen once. An effect
    /// outside of Postgres can happen twice, if the process dies right after it.
    fn run(self, context: &mut TaskContext<'_>) -> impl Future<Output = Result<Value>> + Send;
}
