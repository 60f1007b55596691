//! Makes connections: credentials from the secret store, TLS, and the check after a freeze.

use std::{sync::Arc, time::Duration};

use deadpool::managed;
use deadpool_postgres::ClientWrapper;
use futures_util::future::join;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_postgres::{CancelToken, Client, NoTls, config::SslMode, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    Health, Repeat, Runner,
    error::{from_postgres, is_refused_login, refuses_options},
};
use crate::{
    config::{DatabaseConfig, Login, Statements},
    domain::{Error, Result},
    infrastructure::{
        secrets::{Secrets, StoredLogin},
        tls,
    },
};

/// For the socket, and again for TLS and login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// A frozen instance wakes with a dead socket; a connection used a moment ago is not asked.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(30);
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The time limits of the roles in migrations/roles.sql, which gives the reasons. A role may change its own
/// settings for all its later connections, but a setting that a connection asks for takes precedence.
pub const TIMEOUTS: &[(&str, &str)] =
    &[("statement_timeout", "5s"), ("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "15s")];

pub(super) struct Connector {
    host: String,
    port: u16,
    /// For connections of the pool.
    pooled: tokio_postgres::Config,
    /// For connections outside of it, which have no time limits.
    apart: tokio_postgres::Config,
    login: Login,
    tls: Option<MakeRustlsConnect>,
    secrets: Arc<Secrets>,
}

/// A client, and the task that moves its bytes; it ends with the client.
type Connected = (Client, JoinHandle<()>);

impl Connector {
    pub(super) fn new(config: DatabaseConfig, secrets: Arc<Secrets>, options: &str) -> Result<Self> {
        let tls = config.ssl_root_cert.as_deref().map(tls_by).transpose()?;
        let mut apart = tokio_postgres::Config::new();
        apart.dbname(&config.name);
        apart.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let mut pooled = apart.clone();
        // A proxy that pools transactions refuses options, also when they are empty.
        if !options.is_empty() {
            apart.options(options);
        }
        let limits = TIMEOUTS.iter().map(|(name, value)| format!("-c {name}={value}"));
        let limits = limits.filter(|_| config.statements == Statements::Prepared);
        let options = limits.chain([options.to_owned()]).collect::<Vec<_>>().join(" ");
        if !options.is_empty() {
            pooled.options(options);
        }
        Ok(Self { host: config.host, port: config.port, pooled, apart, login: config.login, tls, secrets })
    }

    /// Connects outside of the pool.
    pub(super) async fn connect_apart(&self) -> Result<Client> {
        self.connect(&self.apart).await.map(|(client, _)| client)
    }

    /// Ends what a connection is running. Postgres takes the request on another one.
    pub(super) async fn cancel(&self, running: CancelToken) -> Result<()> {
        let socket = self.dial().await?;
        let sent = match &self.tls {
            Some(tls) => {
                let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls.clone(), &self.host);
                running.cancel_query_raw(socket, tls).await
            }
            None => running.cancel_query_raw(socket, NoTls).await,
        };
        sent.map_err(from_postgres)
    }

    async fn connect(&self, base: &tokio_postgres::Config) -> Result<Connected> {
        let id = match &self.login {
            Login::Stored(id) => id,
            Login::Inline { user, password } => {
                let socket = self.dial().await?;
                return self
                    .log_in(base, socket, user, password.expose())
                    .await
                    .map_err(ConnectError::into_error);
            }
        };
        // Open the socket while the login is fetched: Postgres needs about that long to start a backend.
        let (socket, known) = join(self.dial(), self.secrets.stored(id)).await;
        let (socket, known) = (socket?, known?);
        let StoredLogin { username, password } = StoredLogin::parse(id, &known)?;
        match self.log_in(base, socket, &username, &password).await {
            // The password has been rotated since it was cached: fetch once, try once.
            Err(ConnectError::Postgres(error)) if is_refused_login(&error) => {
                let newer = self.secrets.get_newer(id, &known).await?;
                if newer == known {
                    return Err(from_postgres(error));
                }
                let StoredLogin { username, password } = StoredLogin::parse(id, &newer)?;
                let socket = self.dial().await?;
                self.log_in(base, socket, &username, &password).await.map_err(ConnectError::into_error)
            }
            other => other.map_err(ConnectError::into_error),
        }
    }

    /// From the name to an open socket.
    async fn dial(&self) -> Result<TcpStream> {
        let lost = |error| Error::unavailable("database", error);
        let dialled =
            tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((self.host.as_str(), self.port)));
        let socket = dialled.await.map_err(|late| Error::unavailable("database", late))?.map_err(lost)?;
        socket.set_nodelay(true).map_err(lost)?;
        SockRef::from(&socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)).map_err(lost)?;
        Ok(socket)
    }

    /// TLS and login.
    async fn log_in(
        &self,
        base: &tokio_postgres::Config,
        socket: TcpStream,
        user: &str,
        password: &str,
    ) -> Result<Connected, ConnectError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.greet(base, socket, user, password)).await {
            Ok(connected) => connected,
            Err(late) => Err(ConnectError::Late(late)),
        }
    }

    async fn greet(
        &self,
        base: &tokio_postgres::Config,
        socket: TcpStream,
        user: &str,
        password: &str,
    ) -> Result<Connected, ConnectError> {
        let mut config = base.clone();
        config.user(user).password(password);
        let Some(tls) = &self.tls else {
            let (client, connection) =
                config.connect_raw(socket, NoTls).await.map_err(ConnectError::Postgres)?;
            return accept(client, connection);
        };
        let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls.clone(), &self.host);
        let (client, connection) = config.connect_raw(socket, tls).await.map_err(ConnectError::Postgres)?;
        accept(client, connection)
    }
}

/// Starts to move the connection's bytes, unless the server is a replica. It would refuse every write,
/// and after a failover the host's name leads to the new server soon.
fn accept<T>(
    client: Client,
    connection: tokio_postgres::Connection<TcpStream, T>,
) -> Result<Connected, ConnectError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // The server reports this setting with the login, so it costs no round trip.
    if connection.parameter("in_hot_standby") == Some("on") {
        return Err(ConnectError::Replica);
    }
    Ok((client, tokio::spawn(drive(connection))))
}

/// Why there is no connection.
enum ConnectError {
    Postgres(tokio_postgres::Error),
    Late(tokio::time::error::Elapsed),
    Replica,
}

impl ConnectError {
    fn into_error(self) -> Error {
        match self {
            Self::Postgres(error) if refuses_options(&error) => Error::Configuration(format!(
                "DB_STATEMENTS must be `unnamed`, because the proxy at DB_HOST refuses the startup parameter \
                 `options`: {}",
                from_postgres(error).chain()
            )),
            Self::Postgres(error) => from_postgres(error),
            Self::Late(late) => Error::unavailable("database", late),
            Self::Replica => Error::unavailable(
                "database",
                "the server is a replica and refuses writes; DB_HOST must lead to the primary server",
            ),
        }
    }
}

/// A lost connection shows as an error of the statement that was running; here it is only noted.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a Postgres connection ended");
    }
}

/// Certificate and host name are both verified (`verify-full`), against these roots only.
fn tls_by(pem: &str) -> Result<MakeRustlsConnect> {
    let config = tls::client_config(pem.as_bytes())
        .map_err(|why| Error::Configuration(format!("DB_SSL_ROOT_CERT is invalid: {why}")))?;
    Ok(MakeRustlsConnect::new(config))
}

/// What the pool holds.
pub(in crate::infrastructure) struct Connection {
    pub(in crate::infrastructure) client: ClientWrapper,
    pub(in crate::infrastructure) health: Health,
}

impl Connection {
    pub(in crate::infrastructure) fn runner<'a>(
        &'a self,
        statements: Statements,
        repeat: Repeat<'a>,
    ) -> Runner<'a> {
        let Self { client, health } = self;
        Runner { client, health, prepared: &client.statement_cache, statements, repeat }
    }

    /// Returns why the connection must not be used again, if it must not.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.client.is_closed() { Some("closed") } else { self.health.fault() }
    }
}

impl managed::Manager for Connector {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        // Boxed: connecting is a large future, and every request's future would carry it.
        let (client, driver) = Box::pin(self.connect(&self.pooled)).await?;
        Ok(Connection { client: ClientWrapper::new(client, driver), health: Health::default() })
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &managed::Metrics,
    ) -> managed::RecycleResult<Error> {
        // After a freeze this runs before the driver has: let it see that the server hung up.
        tokio::task::yield_now().await;
        if let Some(fault) = connection.fault() {
            return Err(managed::RecycleError::message(fault));
        }
        if metrics.last_used() < CHECK_AFTER_IDLE {
            return Ok(());
        }
        match tokio::time::timeout(CHECK_TIMEOUT, connection.client.simple_query("")).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(managed::RecycleError::message("did not respond")),
        }
    }
}
