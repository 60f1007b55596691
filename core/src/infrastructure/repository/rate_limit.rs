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
    /// A look is answered like a use, and uses nothing up.
    pub looks_only: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    pub allowed: bool,
    /// If it was not: when the next use would be.
    pub retry_after: Duration,
}

/// Uses the buckets, all in one statement. Takes a connection, not a transaction, so that it
/// commits by itself: rolled back with a request that fails, it would count nothing.
///
/// One verdict a try, in their order.
pub async fn take(conn: &Conn, tries: &[Try]) -> Result<Vec<Verdict>> {
    let seconds: Vec<[f64; 3]> = tries
        .iter()
        .map(|one| {
            let emission = one.limit.every.as_secs_f64();
            [emission, one.limit.window().as_secs_f64(), if one.looks_only { 0.0 } else { emission }]
        })
        .collect();
    let keys: Vec<&[u8]> = tries.iter().map(|one| one.bucket.key.as_bytes()).collect();
    let mut params: Vec<Param<'_>> = Vec::with_capacity(tries.len() * 5);
    for ((one, key), [emission, window, cost]) in tries.iter().zip(&keys).zip(&seconds) {
        params.push((&one.bucket.name, Type::TEXT));
        params.push((key, Type::BYTEA));
        params.extend([emission, window, cost].map(|number| (number as _, Type::FLOAT8)));
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
        let [name, key, emission, window, cost] = std::array::from_fn(|n| place * 5 + n + 1);
        let comma = if place == 0 { "with" } else { "," };
        let fits = format!(
            "greatest(r.tat, statement_timestamp()) + make_interval(secs => ${emission})
               <= statement_timestamp() + make_interval(secs => ${window})"
        );
        // Writing to a string cannot fail.
        let _ = write!(
            upserts,
            "{comma} b{place} as (
               insert into rate_limit as r (bucket, key, tat, allowed)
               values (${name}, ${key}, statement_timestamp() + make_interval(secs => ${cost}), true)
               on conflict (bucket, key) do update set
                 allowed = {fits},
                 tat = case when {fits} then greatest(r.tat, statement_timestamp()) + make_interval(secs => ${cost})
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
