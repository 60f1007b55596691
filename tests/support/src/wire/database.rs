//! A migrated database of the test's own.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use app_core::{infrastructure::migrate::embedded, testing::setting};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls, Row, types::ToSql};
use uuid::Uuid;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// The harness itself waits and watches: plain threads, with the async clients behind this.
pub fn wait<F: Future>(work: F) -> F::Output {
    RUNTIME.block_on(work)
}

pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Not a schema as for other tests: functions are given a database by its name.
pub struct Database {
    /// Who owns the tables.
    owner: Config,
    /// What the functions sign in as.
    app: (String, String),
    /// Set if the database is to be dropped at the end: how to reach the server without it.
    server: Option<Config>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Database {
    /// A new one on the server of `DATABASE_URL`.
    pub fn create() -> Self {
        let server: Config = setting("DATABASE_URL").parse().expect("DATABASE_URL is a postgres:// URL");
        let name = format!("wire_{}", Uuid::new_v4().simple());
        wait(async { connect(&server).await.batch_execute(&format!("create database {name}")).await })
            .expect("the user of DATABASE_URL may create databases");
        let mut owner = server.clone();
        owner.dbname(&name);
        let password = String::from_utf8_lossy(server.get_password().unwrap_or_default()).into_owned();
        let app = (server.get_user().unwrap_or("postgres").to_owned(), password);
        Self::migrated(owner, app, Some(server))
    }

    /// One that exists, is empty and goes with its server.
    pub fn on(owner: Config, app: (String, String)) -> Self {
        Self::migrated(owner, app, None)
    }

    fn migrated(owner: Config, app: (String, String), server: Option<Config>) -> Self {
        let database = Self { owner, app, server, client: Mutex::default() };
        for migration in embedded() {
            database.run(migration.up);
        }
        database
    }

    pub fn port(&self) -> u16 {
        self.owner.get_ports().first().copied().unwrap_or(5432)
    }

    /// A function's settings, but for the place, which is its proxy's.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        let name = self.owner.get_dbname().unwrap_or_default().to_owned();
        [("DB_NAME", name), ("DB_USER", self.app.0.clone()), ("DB_PASSWORD", self.app.1.clone())]
    }

    pub fn run(&self, script: &str) {
        wait(async { self.client().await.batch_execute(script).await })
            .unwrap_or_else(|error| panic!("{error:?}: {script}"));
    }

    pub fn rows(&self, sql: &str, params: Params<'_>) -> Vec<Row> {
        let ask = || wait(async { self.client().await.query(sql, params).await });
        let response = match ask() {
            // The server was restarted, so the statement runs again on a new connection.
            Err(error) if error.is_closed() => ask(),
            response => response,
        };
        response.unwrap_or_else(|error| panic!("{error:?}: {sql}"))
    }

    pub fn count(&self, sql: &str, params: Params<'_>) -> i64 {
        self.rows(sql, params)[0].get(0)
    }

    /// Returns the connection, or a new one if the server was restarted in the meantime.
    async fn client(&self) -> Arc<Client> {
        let known = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(client) = known.filter(|client| !client.is_closed()) {
            return client;
        }
        let client = Arc::new(connect(&self.owner).await);
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&client));
        client
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the database answers");
    tokio::spawn(connection);
    client
}

impl Drop for Database {
    fn drop(&mut self) {
        let (Some(server), Some(name)) = (&self.server, self.owner.get_dbname()) else { return };
        let dropped = wait(async {
            let (client, connection) = server.connect(NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(&format!("drop database if exists {name} with (force)")).await
        });
        if let Err(error) = dropped {
            eprintln!("database {name} was left behind: {error}");
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("name", &self.owner.get_dbname()).finish_non_exhaustive()
    }
}
