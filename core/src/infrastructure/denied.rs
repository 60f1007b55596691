//! Remembers, in this instance, which callers have been told to wait. A caller that does not wait is refused
//! without the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{deadline::Deadline, repository::rate_limit::Bucket};
use crate::domain::clock::{Clock, SystemClock};

/// About 300 KiB. Beyond it, the database answers.
const MAX_ENTRIES: usize = 4096;

pub struct Denied {
    waiting: Mutex<HashMap<Bucket, Deadline>>,
    clock: Arc<dyn Clock>,
}

impl Default for Denied {
    fn default() -> Self {
        Self { waiting: Mutex::default(), clock: Arc::new(SystemClock) }
    }
}

impl Denied {
    /// How much longer this one has to wait.
    pub fn still(&self, bucket: &Bucket) -> Option<Duration> {
        let until = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).copied()?;
        Some(until.left(&*self.clock)).filter(|left| !left.is_zero())
    }

    pub fn note(&self, bucket: Bucket, retry_after: Duration) {
        let mut denied = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.len() >= MAX_ENTRIES {
            denied.retain(|_, until| !until.is_reached(&*self.clock));
        }
        if denied.len() < MAX_ENTRIES {
            denied.insert(bucket, Deadline::after(retry_after, &*self.clock));
        }
    }
}

impl std::fmt::Debug for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denied").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::{deadline::tests::Wall, security::Pseudonyms};

    fn denied() -> (Arc<Wall>, Denied) {
        let clock = Arc::new(Wall::default());
        (clock.clone(), Denied { clock, ..Denied::default() })
    }

    fn bucket(number: usize) -> Bucket {
        let pseudonyms = Pseudonyms::new("a key for tests, of 32 bytes or more").expect("a good key");
        Bucket { name: "test", key: pseudonyms.of_network(&(number as u32).to_be_bytes()) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_one_waits_its_time_and_no_longer() {
        let (_, denied) = denied();
        denied.note(bucket(1), Duration::from_secs(30));
        assert_eq!(denied.still(&bucket(1)), Some(Duration::from_secs(30)));
        assert_eq!(denied.still(&bucket(2)), None);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(denied.still(&bucket(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_was_frozen_denies_nobody_longer_for_it() {
        let (clock, denied) = denied();
        denied.note(bucket(1), Duration::from_secs(30));
        clock.advance(time::Duration::seconds(20));
        assert_eq!(denied.still(&bucket(1)), Some(Duration::from_secs(10)));
        clock.advance(time::Duration::seconds(10));
        assert_eq!(denied.still(&bucket(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_grow_without_bound() {
        let (_, denied) = denied();
        for number in 0..2 * MAX_ENTRIES {
            denied.note(bucket(number), Duration::from_secs(30));
        }
        assert_eq!(denied.waiting.lock().expect("no panic").len(), MAX_ENTRIES);
        tokio::time::advance(Duration::from_secs(30)).await;
        denied.note(bucket(0), Duration::from_secs(30));
        assert_eq!(denied.waiting.lock().expect("no panic").len(), 1);
    }
}
