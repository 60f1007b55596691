//! The least that a function with a database can be: it connects in init, and each request is the one
//! prepared statement that users-me asks, too. No pool, no secret store, no token, no log.
//!
//! Two arguments make it no function: `times N` prints what N connects and N queries take, one after the
//! other in one warm process, as JSON in microseconds; `session` prints somebody who is signed in, which
//! the others find in the variable FLOOR_SESSION.
#![allow(clippy::disallowed_methods, reason = "no clock and no configuration to go through")]

use std::{
    error::Error,
    sync::Arc,
    time::{Instant, SystemTime},
};

use lambda_http::{Request, service_fn};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring::kx_group},
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres::{Client, NoTls, Statement, config::SslMode, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

/// What users-me asks.
const QUERY: &str = include_str!("../../users-me.sql");

/// Somebody who is signed in.
const SESSION: &str = "select id, access_sid, user_uuid from auth_session order by created_at desc limit 1";

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Anyhow<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("times") => return times(arguments.next().unwrap_or_default().parse()?).await,
        Some("session") => return session().await,
        _ => {}
    }
    let asked = Asked::ready().await?;
    let asked = &asked;
    lambda_http::run(service_fn(move |_: Request| async move {
        let rows = asked.once().await?;
        Ok::<_, lambda_http::Error>(format!("{rows} rows"))
    }))
    .await
}

async fn times(count: usize) -> Anyhow<()> {
    let (mut connects, mut queries) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let started = Instant::now();
        let client = connect().await?;
        connects.push(micros(started));
        drop(client);
    }
    let asked = Asked::ready().await?;
    for _ in 0..count {
        let started = Instant::now();
        asked.once().await?;
        queries.push(micros(started));
    }
    println!("{}", serde_json::json!({ "connect": connects, "query": queries }));
    Ok(())
}

async fn session() -> Anyhow<()> {
    let found = connect().await?.query_one(SESSION, &[]).await?;
    let (id, generation, user): (&str, &str, Uuid) = (found.get(0), found.get(1), found.get(2));
    println!("{id} {generation} {user}");
    Ok(())
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

/// A connection, the prepared statement, and whom it asks for.
struct Asked {
    client: Client,
    query: Statement,
    session: String,
    generation: String,
    user: Uuid,
}

impl Asked {
    async fn ready() -> Anyhow<Self> {
        let whom = std::env::var("FLOOR_SESSION")?;
        let [session, generation, user] = whom.split(' ').collect::<Vec<_>>()[..] else {
            return Err("FLOOR_SESSION: three words".into());
        };
        let (session, generation, user) = (session.to_owned(), generation.to_owned(), user.parse()?);
        let client = connect().await?;
        let query = client.prepare(QUERY).await?;
        Ok(Self { client, query, session, generation, user })
    }

    /// How many rows there are: one.
    async fn once(&self) -> Result<usize, tokio_postgres::Error> {
        let values: [&(dyn ToSql + Sync); 4] =
            [&self.session, &self.generation, &self.user, &SystemTime::now()];
        self.client.query(&self.query, &values).await.map(|rows| rows.len())
    }
}

async fn connect() -> Anyhow<Client> {
    let setting = |key: &str| std::env::var(key).map_err(|error| format!("{key}: {error}"));
    let mut config = tokio_postgres::Config::new();
    config.host(setting("DB_HOST")?).port(setting("DB_PORT")?.parse()?).dbname(setting("DB_NAME")?);
    config.user(setting("DB_USER")?).password(setting("DB_PASSWORD")?);
    let Ok(roots) = setting("DB_SSL_ROOT_CERT") else {
        let (client, connection) = config.ssl_mode(SslMode::Disable).connect(NoTls).await?;
        tokio::spawn(connection);
        return Ok(client);
    };
    let (client, connection) = config.ssl_mode(SslMode::Require).connect(tls(&roots)?).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn tls(pem: &str) -> Anyhow<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    // P-256 first: Postgres up to 17 makes a client that begins with another group start again.
    let ring = rustls::crypto::ring::default_provider();
    let kx_groups = vec![kx_group::SECP256R1, kx_group::X25519, kx_group::SECP384R1];
    let provider = Arc::new(CryptoProvider { kx_groups, ..ring });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
