//! Remembers, in this instance, who has been told to wait: whoever does not is answered without
//! the database.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::repository::rate_limit::Bucket;

/// About 300 KiB. Beyond it, the database answers.
const MAX_ENTRIES: usize = 4096;

#[derive(Debug, Default)]
pub struct Denied(Mutex<HashMap<Bucket, Instant>>);

impl Denied {
    /// How much longer this one has to wait.
    pub fn still(&self, bucket: &Bucket) -> Option<Duration> {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).copied()?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    pub fn note(&self, bucket: Bucket, retry_after: Duration) {
        let mut denied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.len() >= MAX_ENTRIES {
            let now = Instant::now();
            denied.retain(|_, until| *until > now);
        }
        if denied.len() < MAX_ENTRIES {
            denied.insert(bucket, Instant::now() + retry_after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::security::Pseudonyms;

    fn bucket(number: usize) -> Bucket {
        let address = std::net::Ipv4Addr::from(number as u32);
        Bucket { name: "test", key: Pseudonyms::new("k").of_address(Some(address.into())) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_one_waits_its_time_and_no_longer() {
        let denied = Denied::default();
        denied.note(bucket(1), Duration::from_secs(30));
        assert_eq!(denied.still(&bucket(1)), Some(Duration::from_secs(30)));
        assert_eq!(denied.still(&bucket(2)), None);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(denied.still(&bucket(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_grow_without_bound() {
        let denied = Denied::default();
        for number in 0..2 * MAX_ENTRIES {
            denied.note(bucket(number), Duration::from_secs(30));
        }
        assert_eq!(denied.0.lock().expect("no panic").len(), MAX_ENTRIES);
        tokio::time::advance(Duration::from_secs(30)).await;
        denied.note(bucket(0), Duration::from_secs(30));
        assert_eq!(denied.0.lock().expect("no panic").len(), 1);
    }
}
