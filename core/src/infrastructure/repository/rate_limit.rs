//! Table `rate_limit`: the generic cell rate algorithm, one row a limited thing.
//!
//! `tat`, the theoretical arrival time, is when a thing will have used up nothing again. A use
//! moves it by one emission interval; a use that would move it further ahead of the clock than the
//! whole window is refused and moves nothing. Row locks make it exact: of any number of tries at
//! once, as many are accepted as fit.

use std::{fmt::Write, time::Duration};

use tokio_postgres::types::Type;

use super::column;
use crate::{
    domain::{Error, Result, rate_limit::Limit},
    infrastructure::{
        db::{Conn, Param, Sql},
        security::Pseudonym,
    },
};

/// One limited thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bucket {
    pub name: &'static str,
    pub key: Pseudonym,
}

/// What is asked about a bucket.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    pub bucket: Bucket,
    pub limit: Limit,
}

#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    pub allowed: bool,
    /// If it was not: when the next use would be.
    pub retry_after: Duration,
}

/// Uses the buckets in their order, all in one statement, each only if all before it allowed it: who
/// is refused for an address uses up nothing of an account. Takes a connection, not a transaction, so
/// that it commits by itself: rolled back with a request that fails, it would count nothing.
///
/// One verdict a try, in their order, up to the first that refuses.
pub async fn take(conn: &Conn, tries: &[Try]) -> Result<Vec<Verdict>> {
    let seconds: Vec<[f64; 2]> =
        tries.iter().map(|one| [one.limit.every.as_secs_f64(), one.limit.window().as_secs_f64()]).collect();
    let keys: Vec<&[u8]> = tries.iter().map(|one| one.bucket.key.as_bytes()).collect();
    let mut params: Vec<Param<'_>> = Vec::with_capacity(tries.len() * 4);
    for ((one, key), [emission, window]) in tries.iter().zip(&keys).zip(&seconds) {
        params.push((&one.bucket.name, Type::TEXT));
        params.push((key, Type::BYTEA));
        params.extend([emission, window].map(|number| (number as _, Type::FLOAT8)));
    }
    let rows = conn.rows(&statement(tries.len()), &params).await?;
    let verdict = |row| {
        let wait: f64 = column(row, "wait")?;
        let retry_after = Duration::try_from_secs_f64(wait.max(0.0)).map_err(Error::internal)?;
        Ok(Verdict { allowed: column(row, "allowed")?, retry_after })
    };
    rows.iter().map(verdict).collect()
}

/// The same upsert for each of `count` buckets; the text depends on nothing else.
fn statement(count: usize) -> String {
    let (mut upserts, mut answers) = (String::new(), String::new());
    for place in 0..count {
        let [name, key, emission, window] = std::array::from_fn(|n| place * 4 + n + 1);
        let comma = if place == 0 { "with" } else { "," };
        let admitted = match place.checked_sub(1) {
            None => String::new(),
            Some(before) => format!("from b{before} where b{before}.allowed"),
        };
        let fits = format!(
            "greatest(r.tat, statement_timestamp()) + make_interval(secs => ${emission})
               <= statement_timestamp() + make_interval(secs => ${window})"
        );
        // Writing to a string cannot fail.
        let _ = write!(
            upserts,
            "{comma} b{place} as (
               insert into rate_limit as r (bucket, key, tat, allowed)
               select ${name}, ${key}, statement_timestamp() + make_interval(secs => ${emission}), true {admitted}
               on conflict (bucket, key) do update set
                 allowed = {fits},
                 tat = case when {fits} then greatest(r.tat, statement_timestamp()) + make_interval(secs => ${emission})
                       else r.tat end
               returning allowed,
                 extract(epoch from tat + make_interval(secs => ${emission} - ${window}) - statement_timestamp())::float8 as wait
             ) "
        );
        let union = if place == 0 { "" } else { " union all " };
        let _ = write!(answers, "{union}select {place} as place, allowed, wait from b{place}");
    }
    format!("{upserts}{answers} order by place")
}
