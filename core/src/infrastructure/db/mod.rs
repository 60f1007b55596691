//! Postgres: a pool of connections (one, unless a process handles several requests at once), statements, transactions.
//!
//! Use cases take `&impl Sql`, never the pool: with one connection, code that holds a transaction
//! and asks the pool for another connection would wait for itself.

mod connect;
mod error;
mod health;
mod label;
mod parameter;
mod pool;
mod row;
mod sql;
mod statement;
mod token;

use std::{iter, sync::Arc, time::Instant};

use deadpool::{Runtime, managed};
use tokio_postgres::CancelToken;

pub use connect::{Notices, TIMEOUTS};
pub use error::{LOCK, from_postgres};
pub use health::Health;
pub use parameter::{Parameter, SqlType};
pub use row::{column, printable};
pub use sql::{Repeat, Runner, Sql};
pub use statement::{Owned, Statement};
pub use token::database_token;

use super::secrets::Secrets;
use crate::{
    config::{DatabaseConfig, OutboxConfig, Statements},
    domain::{Error, Result},
};
use connect::Connector;
pub(super) use pool::Connection;

type Pool = managed::Pool<Connector>;

pub struct Db {
    pool: Pool,
    statements: Statements,
    outbox: OutboxConfig,
}

impl Db {
    /// Nothing connects yet.
    ///
    /// # Errors
    /// `Configuration` when the certificates in it cannot be read.
    pub fn new(config: DatabaseConfig, secrets: Arc<Secrets>) -> Result<Self> {
        Self::with_options(config, secrets, "")
    }

    /// The same; `notices` gets what the server says with `raise notice` and `raise warning`.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_notices(config: DatabaseConfig, secrets: Arc<Secrets>, notices: Notices) -> Result<Self> {
        Self::over(config, |config| Ok(Connector::new(config, secrets, "")?.telling(notices)))
    }

    /// With start-up options such as `-c search_path=…`; tests give each its own schema.
    pub fn with_options(config: DatabaseConfig, secrets: Arc<Secrets>, options: &str) -> Result<Self> {
        Self::over(config, |config| Connector::new(config, secrets, options))
    }

    fn over(
        config: DatabaseConfig,
        connector: impl FnOnce(DatabaseConfig) -> Result<Connector>,
    ) -> Result<Self> {
        let DatabaseConfig { pool_size, wait, statements, outbox, .. } = config;
        let pool = Pool::builder(connector(config)?)
            .max_size(pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(wait))
            .build()
            .map_err(Error::internal)?;
        Ok(Self { pool, statements, outbox })
    }

    /// Returns a connection that nobody else uses until it is dropped.
    ///
    /// # Errors
    /// `Unavailable` when none is free within a second or the database cannot be reached.
    pub async fn conn(&self) -> Result<Conn> {
        let asked = Instant::now();
        let object = self.pool.get().await;
        pool::note_wait(asked, &object);
        let object = object.map_err(|error| match error {
            managed::PoolError::Backend(error) => error,
            other => Error::unavailable("database", other),
        })?;
        Ok(Conn { object, statements: self.statements, outbox: self.outbox })
    }

    /// Whether there is a connection, in use or not.
    pub fn is_connected(&self) -> bool {
        self.pool.status().size > 0
    }

    /// The outbox: who sends what, and its periods.
    pub fn outbox(&self) -> OutboxConfig {
        self.outbox
    }

    /// A connection outside of the pool and without time limits: for the migration runner.
    pub async fn connect_apart(&self) -> Result<tokio_postgres::Client> {
        self.pool.manager().connect_apart().await
    }

    /// Whether the server accepts a user and a password. The user may lack the right to use the database.
    pub async fn accepts(&self, user: &str, password: &str) -> Result<bool> {
        self.pool.manager().accepts(user, password).await
    }

    /// Ends the statement that a connection is running now. Its caller gets an error.
    pub async fn cancel(&self, running: CancelToken) -> Result<()> {
        self.pool.manager().cancel(running).await
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool.status()).finish()
    }
}

/// A connection borrowed from the pool. Each statement on it commits separately. `begin` (in `tx.rs`) starts a
/// transaction.
pub struct Conn {
    object: managed::Object<Connector>,
    statements: Statements,
    outbox: OutboxConfig,
}

impl Conn {
    /// Returns the parts of a transaction. `&mut` keeps others away while it lasts.
    pub(super) fn parts(&mut self) -> (&Connection, Statements, OutboxConfig) {
        (&self.object, self.statements, self.outbox)
    }

    /// The outbox: who sends what, and its periods.
    pub fn outbox(&self) -> OutboxConfig {
        self.outbox
    }

    /// Runs the statements in one transaction, in one round trip. Only for statements that may also commit
    /// separately: they do if the server refuses `begin` alone (decision 0021).
    pub(super) async fn together(&self, statements: impl IntoIterator<Item = Statement>) -> Result<()> {
        let all: Vec<Statement> = iter::once(Statement::new("begin")).chain(statements).collect();
        let commit = self.object.client.batch_execute("commit");
        // Boxed: it is large, and every caller's future would carry it.
        let outcome = Box::pin(self.runner().all_at_once(&all, commit)).await;
        if outcome.is_err() {
            // `commit` is not sent after a statement that could not be sent.
            let _ = self.object.client.batch_execute("rollback").await;
        }
        outcome.map(drop).map_err(from_postgres)
    }

    /// Whether every later statement on it would fail. The pool then gives the next caller another one.
    pub fn is_lost(&self) -> bool {
        self.object.fault().is_some()
    }
}

impl Sql for Conn {
    fn runner(&self) -> Runner<'_> {
        self.object.runner(self.statements, Repeat::Statement)
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conn")
    }
}
