//! The least that a function with a database can be: it connects in init, and each request is one
//! prepared query. No pool, no secret store, no token, no log.
//!
//! With the argument `times N` it is no function: it prints what N connects and N queries take, one
//! after the other in one warm process, as JSON in microseconds.
#![allow(clippy::disallowed_methods, reason = "no clock and no configuration to go through")]

use std::{error::Error, sync::Arc, time::Instant};

use lambda_http::{Request, service_fn};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres::{Client, NoTls, Statement, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// By a key, and about as wide as what users-me reads.
const QUERY: &str =
    "select id, uuid, email::text, first_name, last_name, created_at, updated_at from users where id = $1";

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Anyhow<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("times") {
        return times(arguments.next().unwrap_or_default().parse()?).await;
    }
    let (client, query) = ready().await?;
    let (client, query) = (&client, &query);
    lambda_http::run(service_fn(move |_: Request| async move {
        let rows = client.query(query, &[&1_i64]).await?;
        Ok::<_, lambda_http::Error>(format!("{} rows", rows.len()))
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
    let (client, query) = ready().await?;
    for _ in 0..count {
        let started = Instant::now();
        client.query(&query, &[&1_i64]).await?;
        queries.push(micros(started));
    }
    println!("{}", serde_json::json!({ "connect": connects, "query": queries }));
    Ok(())
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

async fn ready() -> Anyhow<(Client, Statement)> {
    let client = connect().await?;
    let query = client.prepare(QUERY).await?;
    Ok((client, query))
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
