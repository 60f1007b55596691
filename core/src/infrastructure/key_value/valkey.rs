//! The store in Valkey or Redis, over a stream of our own: the library's TLS would read the system's
//! certificates, which costs a cold start more than the whole handshake.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisError, ServerErrorKind, aio::MultiplexedConnection, cmd,
};
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, sync::Mutex, task::JoinHandle};
use tokio_rustls::TlsConnector;

use super::{CacheKey, KeyValue, Prefix};
use crate::{
    config::{CacheConfig, SecretSource, check_cache_url},
    domain::{Error, Result},
    infrastructure::{secrets::Secrets, tls},
};

/// From the name's resolution to the login.
const CONNECT: Duration = Duration::from_millis(1_000);
/// For one answer. Slower than this, it is no help.
const ANSWER: Duration = Duration::from_millis(500);
/// The keys that one step of a flush looks at.
const SCAN: usize = 500;

pub struct ValkeyStore {
    config: CacheConfig,
    secrets: Arc<Secrets>,
    /// In front of each key: one server may serve several projects.
    namespace: String,
    connection: Mutex<Option<CacheConnection>>,
}

/// A connection, and the task that moves its bytes; it ends with the connection.
struct CacheConnection {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Drop for CacheConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl ValkeyStore {
    /// Connects at its first use. `namespace` is the project and its mode, as in `APP:PROD`.
    pub fn new(config: CacheConfig, secrets: Arc<Secrets>, namespace: &str) -> Self {
        Self { config, secrets, namespace: format!("{namespace}:"), connection: Mutex::new(None) }
    }

    fn name(&self, key: &CacheKey) -> String {
        format!("{}{}", self.namespace, key.as_str())
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let mut commands = Pipeline::new();
        let (answer,) = self.converse(commands.add_command(command.clone())).await?;
        Ok(answer)
    }

    /// Sends the commands. A kept connection may be dead without a sign of it, because the instance was
    /// frozen or the server was replaced. Then it sends them again on a new connection, because all our
    /// commands may be repeated.
    async fn converse<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T> {
        let mut connection = self.connection.lock().await;
        if let Some(known) = &mut *connection {
            match commands.query_async(&mut known.connection).await {
                Err(error) if is_lost(&error) => *connection = None,
                outcome => return outcome.map_err(from_redis),
            }
        }
        let fresh = connection.insert(self.dial().await?);
        let outcome = commands.query_async(&mut fresh.connection).await;
        if outcome.as_ref().is_err_and(is_lost) {
            *connection = None;
        }
        outcome.map_err(from_redis)
    }

    async fn dial(&self) -> Result<CacheConnection> {
        let known = self.secrets.get(&self.config.url).await?;
        match self.dial_by(&known).await {
            // The password has been rotated since it was cached: fetch once, try once.
            Err(CacheConnectError::Login(error)) => {
                let SecretSource::Stored(id) = &self.config.url else { return Err(error) };
                let newer = self.secrets.get_newer(id, &known).await?;
                if newer == known {
                    return Err(error);
                }
                self.dial_by(&newer).await.map_err(CacheConnectError::into_error)
            }
            outcome => outcome.map_err(CacheConnectError::into_error),
        }
    }

    async fn dial_by(&self, url: &str) -> Result<CacheConnection, CacheConnectError> {
        match tokio::time::timeout(CONNECT, self.connect(url)).await {
            Ok(outcome) => outcome,
            Err(late) => Err(Error::unavailable("cache", late).into()),
        }
    }

    async fn connect(&self, url: &str) -> Result<CacheConnection, CacheConnectError> {
        // Not the library's own words: they could quote the password.
        let wrong = |why: &str| Error::Configuration(format!("CACHE_URL {why}"));
        check_cache_url(url).map_err(wrong)?;
        // The library refuses this scheme unless it does the TLS itself.
        let (encrypted, url) = match url.strip_prefix("rediss://") {
            Some(rest) => (true, format!("redis://{rest}")),
            None => (false, url.to_owned()),
        };
        let info = url.into_connection_info().map_err(|_| wrong("must be the URL of a server"))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(wrong("must be the URL of a server").into());
        };
        let refused = |error| Error::unavailable("cache", error);
        let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(refused)?;
        tcp.set_nodelay(true).map_err(refused)?;
        if !encrypted {
            return greet(info.redis_settings(), tcp).await;
        }
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong("must name a valid host"))?;
        let tls = tls::by_roots_or_amazon(self.config.ssl_root_cert.as_deref(), "CACHE_SSL_ROOT_CERT")?;
        let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(refused)?;
        greet(info.redis_settings(), stream).await
    }
}

async fn greet<S>(settings: &RedisConnectionInfo, stream: S) -> Result<CacheConnection, CacheConnectError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER));
    let settings = settings.clone().set_skip_set_lib_name();
    let made = MultiplexedConnection::new_with_config(&settings, stream, config).await;
    let (connection, driver) = made.map_err(|error| match is_login(&error) {
        true => CacheConnectError::Login(Error::unavailable(
            "cache",
            "the server refuses the user or the password",
        )),
        false => CacheConnectError::Other(from_redis(error)),
    })?;
    Ok(CacheConnection { connection, driver: tokio::spawn(driver) })
}

/// Why there is no connection.
enum CacheConnectError {
    Login(Error),
    Other(Error),
}

impl CacheConnectError {
    fn into_error(self) -> Error {
        match self {
            Self::Login(error) | Self::Other(error) => error,
        }
    }
}

impl From<Error> for CacheConnectError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

fn is_login(error: &RedisError) -> bool {
    let code = error.code().unwrap_or_default();
    error.kind() == ErrorKind::AuthenticationFailed || ["WRONGPASS", "NOAUTH"].contains(&code)
}

/// A server that is full, loading or a replica is as good as away; a wrong command is our bug.
fn from_redis(error: RedisError) -> Error {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError)
            if !["OOM", "NOAUTH", "WRONGPASS"].contains(&error.code().unwrap_or_default()) =>
        {
            Error::internal(error)
        }
        ErrorKind::UnexpectedReturnType | ErrorKind::InvalidClientConfig => Error::internal(error),
        _ => Error::unavailable("cache", error),
    }
}

/// Escapes the wildcards of a text, so that it matches only itself in a pattern.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// One command a key: on a cluster, keys of one command must live together.
fn unlink(names: &[String]) -> Pipeline {
    let mut commands = Pipeline::new();
    for name in names {
        commands.add_command(cmd("UNLINK").arg(name).to_owned());
    }
    commands
}

impl KeyValue for ValkeyStore {
    fn set<'a>(&'a self, key: &'a CacheKey, value: &'a [u8], ttl: Duration) -> BoxFuture<'a, Result<()>> {
        async move {
            // The server refuses a life of nothing.
            let millis = (ttl.as_millis() as u64).max(1);
            let mut set = cmd("SET");
            set.arg(self.name(key)).arg(value).arg("PX").arg(millis);
            self.ask(&set).await
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        async move { self.ask(cmd("GET").arg(self.name(key))).await }.boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [CacheKey]) -> BoxFuture<'a, Result<u64>> {
        async move {
            let names: Vec<String> = keys.iter().map(|key| self.name(key)).collect();
            self.remove(&names).await
        }
        .boxed()
    }

    fn exists<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Result<bool>> {
        async move { self.ask(cmd("EXISTS").arg(self.name(key))).await }.boxed()
    }

    fn flush<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        async move {
            let pattern = format!("{}*", literal(&format!("{}{}", self.namespace, prefix.as_str())));
            let (mut cursor, mut gone) = (0_u64, 0);
            loop {
                let mut scan = cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN);
                let (next, names): (u64, Vec<String>) = self.ask(&scan).await?;
                gone += self.remove(&names).await?;
                cursor = next;
                if cursor == 0 {
                    return Ok(gone);
                }
            }
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        async move { self.ask::<()>(&cmd("PING")).await }.boxed()
    }
}

impl ValkeyStore {
    async fn remove(&self, names: &[String]) -> Result<u64> {
        if names.is_empty() {
            return Ok(0);
        }
        let gone: Vec<u64> = self.converse(&unlink(names)).await?;
        Ok(gone.iter().sum())
    }
}

impl fmt::Debug for ValkeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValkeyStore").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(literal(r"a*b?[c]\d-^"), r"a\*b\?\[c\]\\d-^");
    }
}
