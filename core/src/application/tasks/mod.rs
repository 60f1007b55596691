//! Background tasks: a struct whose fields are the arguments, and `run`. Each task has a row that
//! says what became of it.
//!
//! A new task is a file here and a line in `handlers::table`; `docs/events-and-tasks.md` shows one.

pub mod clean_up;
mod enqueue;
mod job;
mod lost_events;
mod mail;
pub mod operator;
mod place;
pub mod recover_tasks;
pub mod say_meow;
pub mod security_mail;
pub mod welcome_mail;
mod worker;

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use enqueue::Enqueue;
pub use job::{Job, Outside};
pub use worker::{Worker, find, set_aside};

use crate::{domain::Result, infrastructure::messaging::Queue};

pub trait Task: Serialize + DeserializeOwned + Send + Sync {
    /// The name on the wire, in snake case.
    const NAME: &'static str;
    /// The queue that carries it. A second queue is a variant of `Queue`, and a worker of its own.
    const QUEUE: Queue = Queue::Tasks;
    /// After this many failures the task has failed. [`FOR_DAYS`] for a task that waits for something
    /// outside of Postgres, which can be away for longer than a minute.
    const MAX_ATTEMPTS: i32 = 5;
    /// How long to wait after the n-th failure, n from 1. Up to half of it is taken off at random,
    /// so that what failed together does not come back together.
    const BACKOFF: Backoff = exponential;

    /// Does the work, and returns what is kept as the task's result: at most 64 KiB of JSON.
    ///
    /// An error that may pass (`Error::retryable`) is tried again, any other is final. What is
    /// written through `job.tx()` commits together with the success: it happens once. What
    /// reaches outside of Postgres can happen twice, when the process dies right after it.
    fn run(self, job: &mut Job<'_>) -> impl Future<Output = Result<Value>> + Send;
}

/// With [`exponential`] gaps these attempts last at least three days and at most a week.
pub const FOR_DAYS: i32 = 160;

pub type Backoff = fn(attempt: i32) -> Duration;

/// 10 seconds, 20, 40 … at most an hour.
pub fn exponential(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(16);
    Duration::from_secs((10 << doublings).min(3600))
}

#[cfg(test)]
mod tests {
    use super::{FOR_DAYS, exponential};

    #[test]
    fn gaps_grow_up_to_an_hour() {
        let gaps: Vec<u64> = [1, 2, 3, 9, 10, 1000].map(|n| exponential(n).as_secs()).to_vec();
        assert_eq!(gaps, [10, 20, 40, 2560, 3600, 3600]);
    }

    #[test]
    fn a_task_that_waits_for_the_outside_is_tried_for_days() {
        let longest: u64 = (1..FOR_DAYS).map(|attempt| exponential(attempt).as_secs()).sum();
        let (days, day) = (longest as f64, 86_400.0);
        // Up to half of each gap is taken off at random.
        assert!(days / 2.0 >= 3.0 * day && days <= 7.0 * day, "{}", days / day);
    }
}
