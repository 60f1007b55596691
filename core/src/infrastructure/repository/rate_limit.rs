//! The table `rate_limit`: the generic cell rate algorithm, with one row per bucket.
//!
//! `tat`, the theoretical arrival time, is the time at which a bucket will be empty again. Each use moves
//! it by one emission interval. A use that would move it further ahead of the clock than the whole window
//! is refused and moves nothing. Row locks make this exact for any number of uses at the same time.

use std::{ops::Range, time::Duration};

use tokio_postgres::Row;

use super::column;
use crate::{
    domain::{Error, Result, rate_limit::Limit},
    infrastructure::{
        db::{Conn, Parameter, Sql},
        security::Pseudonym,
    },
};

/// What a limit counts: for example the sign-ups of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bucket {
    pub name: &'static str,
    pub key: Pseudonym,
}

/// One use of a bucket, and the limit that holds for it.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    pub bucket: Bucket,
    pub limit: Limit,
}

#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    pub allowed: bool,
    /// The time until the next use is allowed. Zero if it is allowed now.
    pub retry_after: Duration,
}

/// Takes one use from each bucket, in their order, in one statement, and stops at the first refusal, so
/// that a caller who is refused by address does not use up the account's bucket. It takes a connection and
/// not a transaction, so that it commits separately. Otherwise the rollback of a failed request would undo
/// the count.
///
/// Returns one verdict for each try, in their order, up to the first that refuses.
pub async fn take(conn: &Conn, tries: &[Try]) -> Result<Vec<Verdict>> {
    let numbers = Numbers::of(tries);
    let rows = conn.rows(&statement(tries.len()), &numbers.params()).await?;
    rows.iter().map(verdict).collect()
}

/// Whose places are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Those of everybody who has signed in there.
    OfAnybody,
    /// Those of a user who has proved the address.
    OfProvedEmail,
    /// Those of a user who has proved the number.
    OfProvedPhone,
}

impl Known {
    /// Returns what a row of `sign_in_place` must fulfil, too. A user has one address and one number, and a change of
    /// either forgets the places.
    fn condition(self) -> &'static str {
        match self {
            Self::OfAnybody => "",
            Self::OfProvedEmail => {
                " and exists (select from users where uuid = user_uuid and email_verified_at is not null)"
            }
            Self::OfProvedPhone => {
                " and exists (select from users where uuid = user_uuid and phone_verified_at is not null)"
            }
        }
    }
}

/// Two lists of uses. One of them counts: it depends on whether the user has signed in from the place.
#[derive(Debug)]
pub struct ByPlace<'a> {
    pub place: Pseudonym,
    pub whose: Known,
    pub known: &'a [Try],
    pub unknown: &'a [Try],
}

/// Does what [`take`] does, with the list that counts for the place. The database chooses the list in the
/// same statement by one look into an index, whether or not the account exists.
///
/// Returns whether the place is known, and the verdicts.
pub async fn take_by_place(conn: &Conn, ask: &ByPlace<'_>) -> Result<(bool, Vec<Verdict>)> {
    let all: Vec<Try> = ask.known.iter().chain(ask.unknown).copied().collect();
    let numbers = Numbers::of(&all);
    let mut params = numbers.params();
    let place = ask.place.as_bytes();
    params.push(&place);
    let rows = conn.rows(&statement_by_place(ask.known.len(), ask.unknown.len(), ask.whose), &params).await?;
    let (first, rest) = rows.split_first().ok_or_else(|| Error::internal("no row about the place"))?;
    Ok((column(first, "allowed")?, rest.iter().map(verdict).collect::<Result<_>>()?))
}

/// Empties these buckets.
pub async fn forget(sql: &impl Sql, buckets: &[Bucket]) -> Result<()> {
    let (names, keys): (Vec<_>, Vec<_>) =
        buckets.iter().map(|bucket| (bucket.name, bucket.key.as_bytes())).unzip();
    let text =
        "delete from rate_limit where (bucket, key) in (select * from unnest($1::text[], $2::bytea[]))";
    sql.execute(text, &[&names, &keys]).await.map(drop)
}

fn verdict(row: &Row) -> Result<Verdict> {
    let wait: f64 = column(row, "wait")?;
    let retry_after = Duration::try_from_secs_f64(wait.max(0.0)).map_err(Error::internal)?;
    Ok(Verdict { allowed: column(row, "allowed")?, retry_after })
}

/// What the statements' parameters point to, four for each try.
struct Numbers<'a> {
    tries: &'a [Try],
    keys: Vec<&'a [u8]>,
    seconds: Vec<[f64; 2]>,
}

impl<'a> Numbers<'a> {
    fn of(tries: &'a [Try]) -> Self {
        let seconds = |one: &Try| [one.limit.every.as_secs_f64(), one.limit.window().as_secs_f64()];
        Self {
            tries,
            keys: tries.iter().map(|one| one.bucket.key.as_bytes()).collect(),
            seconds: tries.iter().map(seconds).collect(),
        }
    }

    fn params(&self) -> Vec<&dyn Parameter> {
        let mut params: Vec<&dyn Parameter> = Vec::with_capacity(self.tries.len() * 4 + 1);
        for ((one, key), [emission, window]) in self.tries.iter().zip(&self.keys).zip(&self.seconds) {
            params.push(&one.bucket.name);
            params.push(key);
            params.push(emission);
            params.push(window);
        }
        params
    }
}

/// Returns the statement for so many uses. Its text depends on nothing else.
fn statement(count: usize) -> String {
    let (upserts, answers) = chain(0..count, "");
    format!("with {upserts}{answers} order by number")
}

fn statement_by_place(known: usize, unknown: usize, whose: Known) -> String {
    let condition = whose.condition();
    let place = (known + unknown) * 4 + 1;
    let (of_known, known_answers) = chain(0..known, "from place where known");
    let (of_unknown, unknown_answers) = chain(known..known + unknown, "from place where not known");
    let lists = [of_known, of_unknown].into_iter().filter(|list| !list.is_empty());
    let answers = [known_answers, unknown_answers].into_iter().filter(|list| !list.is_empty());
    format!(
        "with place as (
           select exists (select from sign_in_place where key = ${place} and until > statement_timestamp(){condition}) as known
         ), {} select -1 as number, known as allowed, 0::float8 as wait from place union all {} order by number",
        lists.collect::<Vec<_>>().join(", "),
        answers.collect::<Vec<_>>().join(" union all "),
    )
}

/// Returns one upsert per use, and the queries that read the verdicts. The first upsert runs if `start`
/// allows it, and each other one if the upsert before it was allowed.
fn chain(numbers: Range<usize>, start: &str) -> (String, String) {
    let first = numbers.start;
    let (mut upserts, mut answers) = (Vec::new(), Vec::new());
    for number in numbers {
        let [name, key, emission, window] = std::array::from_fn(|n| number * 4 + n + 1);
        let admitted = match number.checked_sub(1) {
            Some(before) if number > first => format!("from b{before} where b{before}.allowed"),
            _ => start.to_owned(),
        };
        let fits = format!(
            "greatest(r.tat, statement_timestamp()) + make_interval(secs => ${emission})
               <= statement_timestamp() + make_interval(secs => ${window})"
        );
        upserts.push(format!(
            "b{number} as (
               insert into rate_limit as r (bucket, key, tat, allowed)
               select ${name}, ${key}, statement_timestamp() + make_interval(secs => ${emission}), true {admitted}
               on conflict (bucket, key) do update set
                 allowed = {fits},
                 tat = case when {fits} then greatest(r.tat, statement_timestamp()) + make_interval(secs => ${emission})
                       else r.tat end
               returning allowed,
                 extract(epoch from tat + make_interval(secs => ${emission} - ${window}) - statement_timestamp())::float8 as wait
             ) "
        ));
        answers.push(format!("select {number} as number, allowed, wait from b{number}"));
    }
    (upserts.join(", "), answers.join(" union all "))
}
