//! One way to run a statement, on a connection or inside a transaction.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use deadpool_postgres::StatementCache;
use futures_util::{
    TryFutureExt,
    future::{join, join_all, try_join_all},
};
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

use super::{Health, Parameter, Statement, error::is_outdated, from_postgres, label::label};
use crate::{config::Statements, domain::Result, telemetry::Span};

/// A filter's text depends on its keys, and a caller may combine many: with more than this the
/// connection forgets what it has prepared.
const MAX_PREPARED: usize = 256;

/// What a repository needs: rows, or a count, for a text and its values.
///
/// Errors are `AlreadyExists` for a unique key that is taken, `Unavailable` when the database cannot be
/// reached, is too slow or does not get a lock in time, and `Internal` otherwise.
pub trait Sql: Sync {
    /// Returns what runs the statements: a connection, with the statements that it has prepared.
    fn runner(&self) -> Runner<'_>;

    fn rows(&self, text: &str, params: &[&dyn Parameter]) -> impl Future<Output = Result<Vec<Row>>> + Send {
        async move { self.runner().rows(text, params).await.map_err(from_postgres) }
    }

    /// At most one row, for statements that cannot find two.
    fn row(&self, text: &str, params: &[&dyn Parameter]) -> impl Future<Output = Result<Option<Row>>> + Send {
        async move { Ok(self.rows(text, params).await?.pop()) }
    }

    /// How many rows a statement changed.
    fn execute(&self, text: &str, params: &[&dyn Parameter]) -> impl Future<Output = Result<u64>> + Send {
        async move { self.runner().execute(text, params).await.map_err(from_postgres) }
    }

    /// A statement that was made before.
    fn run(&self, statement: &Statement) -> impl Future<Output = Result<Vec<Row>>> + Send {
        async move { self.rows(statement.text(), &statement.params()).await }
    }
}

/// What can be sent again when a prepared statement turns out to be outdated.
#[derive(Debug, Clone, Copy)]
pub enum Repeat<'a> {
    /// The statement: it commits separately.
    Statement,
    /// The transaction, as long as nothing else has been sent in it: Postgres has undone all of it, and
    /// only its caller knows what another statement did or follows from.
    Transaction { sent: &'a AtomicUsize },
}

/// Runs statements on one connection, prepared where that is allowed.
pub struct Runner<'a> {
    pub(super) client: &'a Client,
    pub(super) health: &'a Health,
    pub(super) prepared: &'a StatementCache,
    pub(super) statements: Statements,
    pub(super) repeat: Repeat<'a>,
}

impl Runner<'_> {
    async fn rows(&self, text: &str, params: &[&dyn Parameter]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let question = self.health.ask();
        let first = self.repeat.is_first();
        let span = Span::call(|| label(text));
        let mut rows = self.rows_once(text, params).await;
        if let Err(error) = &rows
            && self.may_repeat(error, first).await
        {
            rows = self.rows_once(text, params).await;
        }
        span.end(&rows);
        question.answered(rows)
    }

    async fn rows_once(
        &self,
        text: &str,
        params: &[&dyn Parameter],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.statements {
            Statements::Unnamed => self.client.query_typed(text, &typed(params)).await,
            Statements::Prepared => {
                self.client.query(&self.prepare(text, params).await?, &values(params)).await
            }
        }
    }

    async fn execute(&self, text: &str, params: &[&dyn Parameter]) -> Result<u64, tokio_postgres::Error> {
        let question = self.health.ask();
        let first = self.repeat.is_first();
        let span = Span::call(|| label(text));
        let mut count = self.execute_once(text, params).await;
        if let Err(error) = &count
            && self.may_repeat(error, first).await
        {
            count = self.execute_once(text, params).await;
        }
        span.end(&count);
        question.answered(count)
    }

    async fn execute_once(
        &self,
        text: &str,
        params: &[&dyn Parameter],
    ) -> Result<u64, tokio_postgres::Error> {
        match self.statements {
            Statements::Unnamed => self.client.execute_typed(text, &typed(params)).await,
            Statements::Prepared => {
                self.client.execute(&self.prepare(text, params).await?, &values(params)).await
            }
        }
    }

    /// Sends all statements and then `end` in one round trip, and returns the rows of each. Statements that
    /// are not prepared yet are prepared before.
    ///
    /// Returns the first error. If a statement fails, Postgres still runs the statements after it, so `end`
    /// is a commit, which then rolls back. If a statement cannot be sent, `end` is not sent.
    pub(in crate::infrastructure) async fn all_at_once(
        &self,
        statements: &[Statement],
        end: impl Future<Output = Result<(), tokio_postgres::Error>>,
    ) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
        let question = self.health.ask();
        let span = Span::call(|| {
            let names = statements.iter().map(|statement| label(statement.text()));
            names.chain(["commit".to_owned()]).collect::<Vec<_>>().join(", ")
        });
        let prepared = try_join_all(statements.iter().map(|statement| self.prepared(statement))).await;
        let outcome = match prepared {
            Err(error) => Err(error),
            Ok(prepared) => {
                // Polled in their order, and each is sent when it is first polled.
                let failed = AtomicBool::new(false);
                let sent = statements.iter().zip(prepared).map(|(statement, prepared)| {
                    let sent = self.send(statement, prepared);
                    sent.inspect_err(|_| failed.store(true, Ordering::Relaxed))
                });
                let end = async { if failed.load(Ordering::Relaxed) { Ok(()) } else { end.await } };
                let (answers, ended) = join(join_all(sent), end).await;
                answers.into_iter().collect::<Result<_, _>>().and_then(|rows| ended.map(|()| rows))
            }
        };
        span.end(&outcome);
        question.answered(outcome).inspect_err(|error| {
            self.forget_outdated(error);
        })
    }

    async fn send(
        &self,
        statement: &Statement,
        prepared: Option<tokio_postgres::Statement>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let params = statement.params();
        let Some(prepared) = prepared else {
            return self.client.query_typed(statement.text(), &typed(&params)).await;
        };
        self.client.query(&prepared, &values(&params)).await
    }

    async fn prepared(
        &self,
        statement: &Statement,
    ) -> Result<Option<tokio_postgres::Statement>, tokio_postgres::Error> {
        let Statements::Prepared = self.statements else { return Ok(None) };
        self.prepare(statement.text(), &statement.params()).await.map(Some)
    }

    /// Returns whether a statement that failed with this error may be sent again now: it is outdated,
    /// and Postgres has undone nothing but the statement itself.
    async fn may_repeat(&self, error: &tokio_postgres::Error, first: bool) -> bool {
        if self.statements == Statements::Unnamed || !self.forget_outdated(error) {
            return false;
        }
        match self.repeat {
            Repeat::Statement => true,
            // Another statement may have overtaken the first one while that was prepared.
            Repeat::Transaction { sent } if first && sent.load(Ordering::Relaxed) == 1 => {
                self.client.batch_execute("rollback; begin").await.is_ok()
            }
            Repeat::Transaction { .. } => false,
        }
    }

    /// Forgets everything that this connection has prepared if this error says that a statement is
    /// outdated: one migration may have outdated all of them. Returns whether it does.
    fn forget_outdated(&self, error: &tokio_postgres::Error) -> bool {
        let outdated = is_outdated(error);
        if outdated {
            self.prepared.clear();
        }
        outdated
    }

    async fn prepare(
        &self,
        text: &str,
        params: &[&dyn Parameter],
    ) -> Result<tokio_postgres::Statement, tokio_postgres::Error> {
        if self.prepared.size() >= MAX_PREPARED {
            self.prepared.clear();
        }
        let types: Vec<Type> = params.iter().map(|param| param.sql_type()).collect();
        self.prepared.prepare_typed(self.client, text, &types).await
    }
}

/// The values as the client takes them for a prepared statement, whose types it knows.
fn values<'a>(params: &[&'a dyn Parameter]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|&param| param as _).collect()
}

/// The values as the client takes them for a text that is not prepared.
fn typed<'a>(params: &[&'a dyn Parameter]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|&param| (param as _, param.sql_type())).collect()
}

impl Repeat<'_> {
    /// Whether nothing has been sent in the transaction before. Asked once for each statement.
    fn is_first(self) -> bool {
        match self {
            Self::Statement => true,
            Self::Transaction { sent } => sent.fetch_add(1, Ordering::Relaxed) == 0,
        }
    }
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runner")
    }
}
