//! Runs one file, and gives up within seconds while somebody else holds a lock that it needs.
//!
//! A statement that waits for a table's lock makes all later statements on that table wait behind it.
//! So a file waits for less time than a request does. Then it pauses, and the requests run.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use tokio_postgres::{Client, error::SqlState};

use super::{
    files,
    history::{self, Note},
};
use crate::{
    domain::{Error, Result},
    infrastructure::db::{Db, LOCK, from_postgres},
};

/// How long a file waits for locks, and how often it tries.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// Of a file in a transaction: all its waits together, because it keeps the locks that it has meanwhile.
    pub inside: Duration,
    /// Of a file outside of a transaction, in addition to the time that it has worked.
    pub outside: Duration,
    /// After each try but the last one.
    pub pauses: [Duration; 3],
}

impl Waits {
    /// `inside` is less than the `lock_timeout` of the role `app` (migrations/roles.sql): requests that
    /// wait behind a migration must not fail because of it. `create index concurrently` waits for old
    /// transactions and blocks no request meanwhile, so it may wait longer: as long again as it has worked. An
    /// index that took minutes is not thrown away because of a transaction that ends a minute later.
    pub const USUAL: Self = Self {
        inside: Duration::from_secs(1),
        outside: Duration::from_secs(10),
        pauses: [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)],
    };

    fn are_over(self, file: File, seen: &Seen) -> bool {
        let limit = if files::opts_out(file.sql) { self.outside + seen.worked } else { self.inside };
        seen.waited > limit
    }
}

/// How often a try that takes time looks for who blocks it.
const GLANCE: Duration = Duration::from_millis(200);

/// One direction of a migration.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// What was seen of a try.
#[derive(Debug, Default)]
struct Seen {
    worked: Duration,
    waited: Duration,
    /// Who blocked it last.
    blockers: Vec<String>,
}

/// The connections of a runner. `watch` has no transaction open: `create index concurrently` would wait for it.
pub(super) struct Connections<'a> {
    pub(super) db: &'a Db,
    pub(super) client: Client,
    pub(super) watch: Client,
}

/// Runs the file and notes it in the history.
///
/// # Errors
/// `Unavailable` naming who holds a lock for too long, `Internal` naming the file whose SQL failed.
pub(super) async fn apply(with: &mut Connections<'_>, file: File, note: &Note, waits: Waits) -> Result<()> {
    let pid = history::texts(&with.client, "select pg_backend_pid()").await.map_err(from_postgres)?.concat();
    let mut pauses = waits.pauses.into_iter();
    let mut tries = 0;
    loop {
        let mut seen = Seen::default();
        let token = with.client.cancel_token();
        tries += 1;
        let (tried, given_up) = {
            let work = pin!(try_once(&mut with.client, file, note, waits));
            let look = pin!(look(&with.watch, &pid, |seen| waits.are_over(file, seen), &mut seen));
            match select(work, look).await {
                Either::Left((tried, _)) => (tried, false),
                Either::Right(((), work)) => {
                    // Also after an error, because the statement may still run under the runner's lock.
                    if let Err(error) = with.db.cancel(token).await {
                        tracing::warn!(
                            error = error.chain(),
                            "cannot cancel the migration; waiting for its end"
                        );
                    }
                    (work.await, true)
                }
            }
        };
        let error = match tried {
            Ok(()) => return Ok(()),
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Postgres(error)) if is_about_locks(&error, given_up) => error,
            Err(Failure::Postgres(error)) => return Err(failed(file, &error)),
        };
        let blockers = seen.blockers;
        // Work that took long is not repeated automatically. An operator must look at it first.
        let pause = pauses.next().filter(|_| seen.worked <= waits.outside);
        let Some(pause) = pause else { return Err(blocked(file, tries, &blockers)) };
        tracing::warn!(migration = file.name, %error, ?blockers, "another process holds a lock; the migration tries again");
        tokio::time::sleep(pause).await;
    }
}

enum Failure {
    Postgres(tokio_postgres::Error),
    Ours(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

async fn try_once(client: &mut Client, file: File, note: &Note, waits: Waits) -> Result<(), Failure> {
    if files::opts_out(file.sql) {
        // `look` limits its waits. A timeout of each wait would end a long build.
        client.batch_execute("set lock_timeout = 0").await?;
        drop_invalid_indexes(client, file).await?;
        client.batch_execute(file.sql).await?;
        return Ok(history::write(client, file.name, note).await?);
    }
    let tx = client.transaction().await?;
    tx.batch_execute(&format!("set local lock_timeout = {}", waits.inside.as_millis())).await?;
    // First, so that the statement of a runner that died is waited for while it still runs.
    history::write(tx.client(), file.name, note).await?;
    tx.batch_execute(file.sql).await?;
    Ok(tx.commit().await?)
}

/// Drops what an interrupted `create index concurrently` of this file left behind. An invalid index
/// costs every write, serves no query, and `if not exists` takes it for the finished one.
async fn drop_invalid_indexes(client: &Client, file: File) -> Result<(), tokio_postgres::Error> {
    let invalid = "select index.relname from pg_index
                   join pg_class as index on index.oid = pg_index.indexrelid
                   where not indisvalid and index.relnamespace = current_schema()::regnamespace";
    for name in history::texts(client, invalid).await? {
        if file.sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name) {
            client.batch_execute(&format!("drop index concurrently if exists \"{name}\"")).await?;
        }
    }
    Ok(())
}

/// Checks repeatedly whether another session blocks this one, until `is_over` returns true.
async fn look(watch: &Client, pid: &str, is_over: impl Fn(&Seen) -> bool, seen: &mut Seen) {
    // `pg_blocking_pids` stops the lock manager for a moment, so it is called once a glance. A worker of
    // Postgres itself has no user.
    let query = format!(
        "select 'process ' || blocker.pid || ' of ' || coalesce('user ' || usename, backend_type, 'an unknown user')
                || coalesce(' (' || state || ', its transaction has been open for '
                            || round(extract(epoch from clock_timestamp() - xact_start)) || ' s)', '')
         from unnest(pg_blocking_pids({pid})) as blocker (pid)
         left join pg_stat_activity as activity on activity.pid = blocker.pid
         order by blocker.pid"
    );
    let mut last = Instant::now();
    while !is_over(seen) {
        tokio::time::sleep(GLANCE).await;
        let blockers = history::texts(watch, &query).await;
        let passed = last.elapsed();
        last += passed;
        match blockers {
            Ok(blockers) if blockers.is_empty() => seen.worked += passed,
            Ok(blockers) => {
                seen.blockers = blockers;
                seen.waited += passed;
            }
            // It is unknown who blocks it, so the time counts as waited. Otherwise the wait might never end.
            Err(_) => seen.waited += passed,
        }
    }
}

/// Whether the same file may succeed once others are done.
fn is_about_locks(error: &tokio_postgres::Error, given_up: bool) -> bool {
    error.code().is_some_and(|state| {
        *state == SqlState::LOCK_NOT_AVAILABLE
            || *state == SqlState::T_R_DEADLOCK_DETECTED
            || (given_up && *state == SqlState::QUERY_CANCELED)
    })
}

fn blocked(file: File, tries: u32, blockers: &[String]) -> Error {
    let who = if blockers.is_empty() { "another process".to_owned() } else { blockers.join(", ") };
    Error::unavailable(
        LOCK,
        format!(
            "migration {} got no lock in {tries} tries and {}, because of {who}; end it, then run the migrations again",
            file.name,
            left_behind(file),
        ),
    )
}

fn failed(file: File, error: &tokio_postgres::Error) -> Error {
    let text = error
        .as_db_error()
        .map_or_else(|| error.to_string(), |e| format!("{} ({})", e.message(), e.code().code()));
    Error::internal(format!("migration {} failed and {}: {text}", file.name, left_behind(file)))
}

fn left_behind(file: File) -> &'static str {
    if files::opts_out(file.sql) {
        "may have left an invalid index, which the next run replaces"
    } else {
        "has changed nothing"
    }
}
