//! Where Postgres is, and how it is talked to.

use std::{sync::Arc, time::Duration};

use super::{EventsBus, Login, RuntimeConfig, aws::AwsConfig, reader::Reader};
use crate::domain::mask::Secret;

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub login: DatabaseLogin,
    /// The certificates (PEM) that may sign the server's. `None`: no TLS, refused in PROD.
    pub ssl_root_cert: Option<Arc<str>>,
    pub pool_size: usize,
    pub statements: Statements,
    /// How long a request waits for a connection before it responds with 503.
    pub wait: Duration,
    pub outbox: OutboxConfig,
}

/// A process that handles several requests at once shares these connections among them. A request needs one only while
/// Postgres works for it.
const MOST_SHARED: usize = 8;

/// Who we are to Postgres.
#[derive(Debug, Clone)]
pub enum DatabaseLogin {
    Password(Login),
    /// Each connection has a token in the place of a password. These credentials sign it, and RDS takes it.
    Iam {
        user: String,
        aws: AwsConfig,
    },
}

impl From<Login> for DatabaseLogin {
    fn from(login: Login) -> Self {
        Self::Password(login)
    }
}

/// Who sends what the outbox holds, and for how long it gives a message to them, before somebody else may.
#[derive(Debug, Clone, Copy)]
pub struct OutboxConfig {
    pub events: EventsBus,
    /// To the function that wrote it.
    pub own_lease: Duration,
    /// To a relay.
    pub relay_lease: Duration,
}

/// SQS, and the leases of a stack that sets none.
impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            events: EventsBus::Sqs,
            own_lease: Duration::from_secs(5),
            relay_lease: Duration::from_secs(30),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statements {
    /// Prepared once a connection: the fast way, straight to Postgres.
    Prepared,
    /// Nothing is kept between statements: for a transaction-pooling proxy.
    Unnamed,
}

pub(super) fn read(
    env: &mut Reader<'_>,
    events: EventsBus,
    prod: bool,
    aws: &AwsConfig,
    runtime: &RuntimeConfig,
) -> DatabaseConfig {
    let is_iam = env.choice("DB_AUTH", Some(false), &[("password", false), ("iam", true)]) == Some(true);
    let login = match env.optional("DB_SECRET_ARN") {
        _ if is_iam => DatabaseLogin::Iam { user: env.text("DB_USER"), aws: aws.clone() },
        Some(arn) => Login::Stored(arn).into(),
        None => {
            if prod {
                env.wrong("DB_SECRET_ARN", "is missing: in PROD user and password come from Secrets Manager");
            }
            Login::Inline { user: env.text("DB_USER"), password: Secret::new(env.text("DB_PASSWORD")) }.into()
        }
    };
    let ssl_root_cert = env.certificates("DB_SSL_ROOT_CERT");
    if is_iam && ssl_root_cert.is_none() {
        env.wrong(
            "DB_SSL_ROOT_CERT",
            "is missing: with DB_AUTH=iam the server gets the token itself, so TLS must hide it",
        );
    } else if prod && ssl_root_cert.is_none() {
        env.wrong(
            "DB_SSL_ROOT_CERT",
            "is missing: PROD talks to Postgres over TLS only (for RDS, the region's certificate bundle)",
        );
    }
    let leases = OutboxConfig::default();
    let shared = runtime.max_concurrency.min(MOST_SHARED);
    DatabaseConfig {
        host: env.text("DB_HOST"),
        port: env.number("DB_PORT", 5432, 1..=65_535) as u16,
        name: env.text("DB_NAME"),
        login,
        ssl_root_cert,
        pool_size: env.number("CONNECTIONS_POOL_MAX_SIZE", shared as u64, 1..=100) as usize,
        statements: env
            .choice(
                "DB_STATEMENTS",
                Some(Statements::Prepared),
                &[("prepared", Statements::Prepared), ("unnamed", Statements::Unnamed)],
            )
            .unwrap_or(Statements::Prepared),
        wait: Duration::from_secs(1),
        outbox: OutboxConfig {
            events,
            own_lease: Duration::from_secs(env.number(
                "OUTBOX_OWN_LEASE_SECONDS",
                leases.own_lease.as_secs(),
                1..=60,
            )),
            relay_lease: Duration::from_secs(env.number(
                "OUTBOX_LEASE_SECONDS",
                leases.relay_lease.as_secs(),
                1..=300,
            )),
        },
    }
}
