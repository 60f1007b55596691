//! The store in memory, for tests.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::Instant;

use super::{CacheKey, KeyValue, Prefix};
use crate::domain::Result;

#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<CacheKey, (Vec<u8>, Instant)>>);

impl MemoryStore {
    /// What has not ended.
    fn live(&self) -> MutexGuard<'_, HashMap<CacheKey, (Vec<u8>, Instant)>> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.retain(|_, (_, end)| *end > Instant::now());
        values
    }
}

impl KeyValue for MemoryStore {
    fn set<'a>(&'a self, key: &'a CacheKey, value: &'a [u8], ttl: Duration) -> BoxFuture<'a, Result<()>> {
        async move {
            self.live().insert(key.clone(), (value.to_vec(), Instant::now() + ttl));
            Ok(())
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        async move { Ok(self.live().get(key).map(|(value, _)| value.clone())) }.boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [CacheKey]) -> BoxFuture<'a, Result<u64>> {
        async move {
            let mut values = self.live();
            Ok(keys.iter().filter(|key| values.remove(key).is_some()).count() as u64)
        }
        .boxed()
    }

    fn exists<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<bool>> {
        async move { Ok(self.live().contains_key(key)) }.boxed()
    }

    fn flush<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        async move {
            let mut values = self.live();
            let before = values.len();
            values.retain(|key, _| !key.as_str().starts_with(prefix.as_str()));
            Ok((before - values.len()) as u64)
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        async { Ok(()) }.boxed()
    }
}
