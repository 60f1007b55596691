//! A cache: values that are slow to fetch and may be lost at any time. It is implemented by Postgres, which
//! every deployment has ([`Db`](super::db::Db) itself), by Valkey or Redis if `CACHE_URL` is set, and by
//! memory for tests.
//!
//! Nothing that must be remembered belongs in it: Postgres forgets all of it in a crash, Valkey when it
//! is full. Each value has a key of our own and an end. When to use it, and when not: docs/key-value.md.

mod key;
#[cfg(feature = "testing")]
mod memory;
mod postgres;
mod valkey;

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::domain::Result;

pub use key::{CacheKey, Prefix};
#[cfg(feature = "testing")]
pub use memory::MemoryStore;
pub use valkey::ValkeyStore;

/// All methods fail with `Unavailable` when the store cannot be reached or is too slow; the caller decides
/// whether to fail too. All methods may be repeated.
pub trait KeyValue: Send + Sync {
    /// Keeps a value for `ttl` from now, in the place of what the key had.
    fn set<'a>(&'a self, key: &'a CacheKey, value: &'a [u8], ttl: Duration) -> BoxFuture<'a, Result<()>>;

    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<Option<Vec<u8>>>>;

    /// Returns how many there were.
    fn delete<'a>(&'a self, keys: &'a [CacheKey]) -> BoxFuture<'a, Result<u64>>;

    fn exists<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<bool>>;

    /// Deletes all whose keys begin so, and returns how many there were. What is set meanwhile may stay.
    fn flush<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>>;

    /// Whether the store answers.
    fn ping(&self) -> BoxFuture<'_, Result<()>>;
}
