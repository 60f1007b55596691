//! `GET /api/v1/users/me/` by hand: axum, deadpool-postgres with eight connections, the token checked with ring, the same
//! statement as users-me. It prints its port and serves until it is ended.
#![allow(clippy::disallowed_methods, reason = "no clock and no configuration to go through")]

use std::{
    error::Error,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::get,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use deadpool_postgres::{Manager, Pool};
use ring::hmac;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::{NoTls, Row, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

const QUERY: &str = include_str!("../../users-me.sql");

const CONNECTIONS: usize = 8;

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Server {
    pool: Pool,
    key: hmac::Key,
}

#[derive(Deserialize)]
struct Claims {
    user: User,
    r#type: String,
    ses: String,
    exp: u64,
}

#[derive(Deserialize)]
struct User {
    uuid: Uuid,
    sid: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Anyhow<()> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, setting("SECRET_KEY")?.as_bytes());
    let server = Arc::new(Server { pool: pool()?, key });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, Router::new().route("/api/v1/users/me/", get(me)).with_state(server)).await?;
    Ok(())
}

async fn me(State(server): State<Arc<Server>>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let token = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "));
    let claims = token.and_then(|token| server.claims(token)).ok_or(StatusCode::UNAUTHORIZED)?;
    let row = server.user(&claims).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    row.map(|row| Json(shown(&row))).ok_or(StatusCode::UNAUTHORIZED)
}

impl Server {
    fn claims(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).ok()?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        (claims.r#type == "access" && claims.exp > now).then_some(claims)
    }

    async fn user(&self, claims: &Claims) -> Anyhow<Option<Row>> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(QUERY).await?;
        let Claims { user, ses, .. } = claims;
        Ok(client.query_opt(&statement, &[ses, &user.sid, &user.uuid, &SystemTime::now()]).await?)
    }
}

fn shown(row: &Row) -> Value {
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let time = |name: &str| row.get::<_, OffsetDateTime>(name).format(&Rfc3339).unwrap_or_default();
    let birthday = row.get::<_, Option<Date>>("birthday").map(|date| date.to_string());
    json!({
        "id": row.get::<_, i64>("id"), "uuid": row.get::<_, Uuid>("uuid"), "email": text("email"),
        "phone": text("phone"), "first_name": text("first_name"), "last_name": text("last_name"),
        "birthday": birthday, "photo": text("photo"), "street": text("street"),
        "city": text("city"), "state": text("state"), "zip_code": text("zip_code"), "country": text("country"),
        "is_active": row.get::<_, bool>("is_active"), "is_guest": row.get::<_, bool>("is_guest"),
        "meta": row.get::<_, Value>("meta"), "created_at": time("created_at"), "updated_at": time("updated_at"),
    })
}

fn setting(key: &str) -> Anyhow<String> {
    std::env::var(key).map_err(|error| format!("{key}: {error}").into())
}

fn pool() -> Anyhow<Pool> {
    let mut config = tokio_postgres::Config::new();
    config.host(setting("DB_HOST")?).port(setting("DB_PORT")?.parse()?).dbname(setting("DB_NAME")?);
    config.user(setting("DB_USER")?).password(setting("DB_PASSWORD")?);
    let manager = match setting("DB_SSL_ROOT_CERT") {
        Ok(roots) => Manager::new(config.ssl_mode(SslMode::Require).clone(), tls(&roots)?),
        Err(_) => Manager::new(config.ssl_mode(SslMode::Disable).clone(), NoTls),
    };
    Ok(Pool::builder(manager).max_size(CONNECTIONS).build()?)
}

fn tls(pem: &str) -> Anyhow<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
