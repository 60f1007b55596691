//! The store in Postgres: table `key_value`. One round trip each, as any other row.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};

use super::{CacheKey, KeyValue, Prefix};
use crate::{
    domain::{Error, Result},
    infrastructure::db::{Db, Parameter, Sql, column},
};

/// One statement of a flush deletes this many.
const FLUSH_ROWS: i64 = 2_000;

impl KeyValue for Db {
    fn set<'a>(&'a self, key: &'a CacheKey, value: &'a [u8], ttl: Duration) -> BoxFuture<'a, Result<()>> {
        async move {
            self.conn()
                .await?
                .execute(
                    "insert into key_value (key, value, expires_at)
                     values ($1, $2, clock_timestamp() + make_interval(secs => $3))
                     on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at",
                    &[&key.as_str(), &value, &ttl.as_secs_f64()],
                )
                .await
                .map(drop)
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        async move {
            let conn = self.conn().await?;
            let text = "select value from key_value where key = $1 and expires_at > clock_timestamp()";
            let row = conn.row(text, &[&key.as_str()]).await?;
            row.map(|row| column(&row, "value")).transpose()
        }
        .boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [CacheKey]) -> BoxFuture<'a, Result<u64>> {
        async move {
            let keys: Vec<&str> = keys.iter().map(CacheKey::as_str).collect();
            let text = "with gone as (delete from key_value where key = any($1) returning expires_at)
                        select count(*) as gone from gone where expires_at > clock_timestamp()";
            let row = self.conn().await?.row(text, &[&keys]).await?;
            row.map_or(Ok(0), |row| column::<i64>(&row, "gone")).map(|gone| gone as u64)
        }
        .boxed()
    }

    fn exists<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<bool>> {
        async move {
            let conn = self.conn().await?;
            let text = "select from key_value where key = $1 and expires_at > clock_timestamp()";
            Ok(conn.row(text, &[&key.as_str()]).await?.is_some())
        }
        .boxed()
    }

    fn flush<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        async move {
            // Keys are visible ASCII, so that DEL follows all that begin so: a range that the primary
            // key's index serves, and nothing in the prefix means anything but itself.
            let after = format!("{}\u{7f}", prefix.as_str());
            // In batches that commit separately: one statement for all of them may take too long.
            // By key: a row that somebody updated while this waited for its lock is found again.
            let text = "with gone as (
                          delete from key_value where key = any(array(
                            select key from key_value where key >= $1 and key < $2 limit $3 for update))
                          returning expires_at)
                        select count(*) as rows, count(*) filter (where expires_at > clock_timestamp()) as live
                        from gone";
            let prefix = prefix.as_str();
            let params: [&dyn Parameter; 3] = [&prefix, &after, &FLUSH_ROWS];
            let conn = self.conn().await?;
            let mut flushed = 0;
            loop {
                let row = conn.row(text, &params).await?;
                let row = row.ok_or_else(|| Error::internal("no row of a count"))?;
                flushed += column::<i64>(&row, "live")? as u64;
                // Not at the first short batch: a row of it may have been deleted by somebody else.
                if column::<i64>(&row, "rows")? == 0 {
                    return Ok(flushed);
                }
            }
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        async move { self.conn().await?.rows("select 1", &[]).await.map(drop) }.boxed()
    }
}
