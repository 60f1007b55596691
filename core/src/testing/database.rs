//! A schema per test on the Postgres that `DATABASE_URL` names.
//!
//! With `DATABASE_PROXY_PORT` the app talks to it through the PgBouncer on that port, which pools
//! transactions. PgBouncer refuses start-up options, so each test then has a role with these settings.

use std::{sync::Arc, time::Duration};

use tokio_postgres::{Client, NoTls, config::Host};
use uuid::Uuid;

use crate::{
    config::{AwsConfig, DatabaseConfig, Login, OutboxConfig, Statements},
    domain::{Result, mask::Secret},
    infrastructure::{
        db::{Db, TIMEOUTS},
        migrate,
        secrets::Secrets,
    },
};

/// Dropped with everything in it when the test ends, passed or failed.
#[derive(Debug)]
pub struct TestDatabase {
    pub schema: String,
    url: tokio_postgres::Config,
    patience: Patience,
}

/// How long an app waits for a row that is locked, and for a free connection in its pool.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    /// Long enough for a test that makes requests wait for each other, on a busy machine.
    Long,
    /// As in production: [`TIMEOUTS`].
    Production,
}

impl Patience {
    /// Settings of a connection, and their values.
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Long => &[("lock_timeout", "50s"), ("statement_timeout", "55s")],
            Self::Production => TIMEOUTS,
        }
    }

    const fn for_a_connection(self) -> Duration {
        match self {
            Self::Long => Duration::from_secs(50),
            Self::Production => Duration::from_secs(10),
        }
    }
}

impl TestDatabase {
    /// Migrated.
    pub async fn new() -> Self {
        Self::migrated_with(Patience::Long).await
    }

    /// Migrated, for apps that wait so long.
    pub async fn migrated_with(patience: Patience) -> Self {
        let database = Self::with(patience).await;
        migrated(&database.client().await).await;
        database
    }

    /// A schema with nothing in it.
    pub async fn empty() -> Self {
        Self::with(Patience::Long).await
    }

    async fn with(patience: Patience) -> Self {
        let url = super::setting("DATABASE_URL").parse().expect("DATABASE_URL is a postgres:// URL");
        let database = Self { schema: format!("test_{}", Uuid::new_v4().simple()), url, patience };
        let schema = &database.schema;
        let mut create = format!("create schema {schema}");
        if proxy_port().is_some() {
            create = format!(
                "{create}; create role {schema} login superuser password '{schema}';
                 alter role {schema} set search_path = {schema}"
            );
            for (name, value) in patience.settings() {
                create = format!("{create}; alter role {schema} set {name} = '{value}'");
            }
        }
        database.client().await.batch_execute(&create).await.expect("create schema");
        database
    }

    /// Start-up options that make this schema the connection's world.
    pub fn options(&self) -> String {
        format!("-c search_path={0} -c application_name={0}", self.schema)
    }

    /// Start-up options of an app's connections: also how long they wait.
    pub fn app_options(&self) -> String {
        let waits = self.patience.settings().iter().map(|(name, value)| format!(" -c {name}={value}"));
        self.unless_proxied(self.options() + &waits.collect::<String>())
    }

    /// The role has them as settings where a proxy does not pass them on.
    fn unless_proxied(&self, options: String) -> String {
        if proxy_port().is_some() { String::new() } else { options }
    }

    /// A plain client that sees this schema only.
    pub async fn client(&self) -> Client {
        let mut config = self.url.clone();
        config.options(self.options());
        let (client, connection) = config.connect(NoTls).await.expect("the test database answers");
        tokio::spawn(connection);
        client
    }

    pub fn config(&self) -> DatabaseConfig {
        let host = match self.url.get_hosts() {
            [Host::Tcp(host), ..] => host.clone(),
            _ => "127.0.0.1".to_owned(),
        };
        let mut port = self.url.get_ports().first().copied().unwrap_or(5432);
        let mut user = self.url.get_user().unwrap_or("postgres").to_owned();
        let mut password = String::from_utf8_lossy(self.url.get_password().unwrap_or_default()).into_owned();
        let mut statements = Statements::Prepared;
        if let Some(proxy) = proxy_port() {
            (port, user, password) = (proxy, self.schema.clone(), self.schema.clone());
            statements = Statements::Unnamed;
        }
        DatabaseConfig {
            host,
            port,
            name: self.url.get_dbname().unwrap_or("postgres").to_owned(),
            login: Login::Inline { user, password: Secret::new(password) }.into(),
            ssl_root_cert: None,
            // A function has one; a test calls handlers side by side.
            pool_size: 8,
            statements,
            wait: self.patience.for_a_connection(),
            outbox: OutboxConfig::default(),
        }
    }

    pub fn db(&self) -> Result<Db> {
        Db::with_options(
            self.config(),
            Arc::new(Secrets::new(no_aws())),
            &self.unless_proxied(self.options()),
        )
    }
}

/// Applies all migrations to the schema of this client. No index is made concurrently: nobody works in
/// this schema meanwhile, and the statement would wait for the transactions of all other tests.
pub async fn migrated(client: &Client) {
    for migration in migrate::embedded() {
        let sql = migration.up.replace(" concurrently", "");
        // What belongs to the whole database: of two tests at once, one would fail in spite of `if not exists`.
        let is_shared = sql.contains("create extension");
        if is_shared {
            client.batch_execute("select pg_advisory_lock(hashtext('extensions'))").await.expect("the lock");
        }
        client.batch_execute(&sql).await.expect("a migration applies");
        if is_shared {
            client
                .batch_execute("select pg_advisory_unlock(hashtext('extensions'))")
                .await
                .expect("unlocked");
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A separate runtime and thread, because the test's own may be shutting down.
        let (config, schema) = (self.url.clone(), self.schema.clone());
        let dropped = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async {
                let (client, connection) = config.connect(NoTls).await.expect("the test database answers");
                tokio::spawn(connection);
                // A transaction that the test left open would keep the schema, and this, for ever:
                // its runtime does not turn any more.
                client
                    .batch_execute(&format!(
                        "select pg_terminate_backend(pid) from pg_stat_activity
                         where application_name = '{schema}' or usename = '{schema}';
                         set client_min_messages = warning; drop schema if exists {schema} cascade;
                         drop role if exists {schema}"
                    ))
                    .await
                    .expect("drop schema");
            });
        });
        if dropped.join().is_err() {
            eprintln!("schema {} was left behind", self.schema);
        }
    }
}

fn proxy_port() -> Option<u16> {
    super::wish("DATABASE_PROXY_PORT").map(|text| text.parse().expect("DATABASE_PROXY_PORT is a port"))
}

/// For apps that call nothing of AWS.
pub(super) fn no_aws() -> AwsConfig {
    AwsConfig {
        region: "us-east-1".into(),
        endpoint_url: Some("http://127.0.0.1:1".into()),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test".into()),
        session_token: None,
    }
}
