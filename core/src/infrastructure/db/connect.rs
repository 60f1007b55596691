//! Makes connections: the login by a stored password, one of the settings or a token, and TLS.

use std::{future::poll_fn, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join},
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_postgres::{
    AsyncMessage, CancelToken, Client,
    config::SslMode,
    error::{DbError, SqlState},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::{from_postgres, is_refused_login, refuses_options},
    token::database_token,
};
use crate::{
    config::{DatabaseConfig, DatabaseLogin, Login, Statements},
    domain::{
        Error, Result,
        clock::{Clock, SystemClock},
    },
    infrastructure::{
        secrets::{Secrets, StoredLogin},
        tls,
    },
};

/// For the socket, and again for TLS and login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The time limits of the roles in migrations/roles.sql, which gives the reasons. A role may change its own
/// settings for all its later connections, but a setting that a connection asks for takes precedence.
pub const TIMEOUTS: &[(&str, &str)] =
    &[("statement_timeout", "5s"), ("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "15s")];

/// Gets what a server says on a connection apart from its responses.
pub type Notices = Arc<dyn Fn(&DbError) + Send + Sync>;

pub(super) struct Connector {
    host: String,
    port: u16,
    /// For connections of the pool.
    pooled: tokio_postgres::Config,
    /// For connections outside of it, which have no time limits.
    apart: tokio_postgres::Config,
    login: DatabaseLogin,
    /// Without TLS it is never asked. It is there all the same, so that there is one type of connections and the
    /// driver's code is in each function once.
    tls: MakeRustlsConnect,
    secrets: Arc<Secrets>,
    notices: Option<Notices>,
}

type Connection =
    tokio_postgres::Connection<TcpStream, <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream>;

/// A client, and the task that moves its bytes; it ends with the client.
pub(super) type Connected = (Client, JoinHandle<()>);

impl Connector {
    pub(super) fn new(config: DatabaseConfig, secrets: Arc<Secrets>, options: &str) -> Result<Self> {
        let (mode, tls) = tls_by(config.ssl_root_cert.as_deref())?;
        let mut apart = tokio_postgres::Config::new();
        apart.dbname(&config.name);
        apart.ssl_mode(mode);
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
        let DatabaseConfig { host, port, login, .. } = config;
        Ok(Self { host, port, pooled, apart, login, tls, secrets, notices: None })
    }

    /// The same, with somebody who gets the server's notices.
    pub(super) fn telling(self, notices: Notices) -> Self {
        Self { notices: Some(notices), ..self }
    }

    /// Connects for the pool. Boxed: connecting is a large future, and every request's future would carry it.
    pub(super) fn connect_pooled(&self) -> BoxFuture<'_, Result<Connected>> {
        self.connect(&self.pooled).boxed()
    }

    /// Connects outside of the pool.
    pub(super) async fn connect_apart(&self) -> Result<Client> {
        self.connect(&self.apart).await.map(|(client, _)| client)
    }

    /// Whether the server accepts a login. It checks the password before the right to use the database.
    pub(super) async fn accepts(&self, user: &str, password: &str) -> Result<bool> {
        let socket = self.dial().await?;
        match self.log_in(&self.apart, socket, user, password).await {
            Ok(_) => Ok(true),
            Err(ConnectError::Postgres(error)) if is_refused_login(&error) => Ok(false),
            Err(ConnectError::Postgres(error)) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                Ok(true)
            }
            Err(other) => Err(other.into_error()),
        }
    }

    /// Ends what a connection is running. Postgres takes the request on another one.
    pub(super) async fn cancel(&self, running: CancelToken) -> Result<()> {
        let socket = self.dial().await?;
        let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut self.tls.clone(), &self.host);
        running.cancel_query_raw(socket, tls).await.map_err(from_postgres)
    }

    async fn connect(&self, base: &tokio_postgres::Config) -> Result<Connected> {
        let id = match &self.login {
            DatabaseLogin::Password(Login::Stored(id)) => id,
            DatabaseLogin::Password(Login::Inline { user, password }) => {
                return self.connect_as(base, user, password.expose()).await;
            }
            DatabaseLogin::Iam { user, aws } => {
                let token = database_token(aws, &self.host, self.port, user, SystemClock.now().into())?;
                return self.connect_as(base, user, &token).await;
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
                self.connect_as(base, &username, &password).await
            }
            other => other.map_err(ConnectError::into_error),
        }
    }

    async fn connect_as(
        &self,
        base: &tokio_postgres::Config,
        user: &str,
        password: &str,
    ) -> Result<Connected> {
        let socket = self.dial().await?;
        self.log_in(base, socket, user, password).await.map_err(ConnectError::into_error)
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
        let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut self.tls.clone(), &self.host);
        let (client, connection) = config.connect_raw(socket, tls).await.map_err(ConnectError::Postgres)?;
        // The server reports this setting with the login, so it costs no round trip. A replica would refuse every
        // write, and after a failover the host's name leads to the new server soon.
        if connection.parameter("in_hot_standby") == Some("on") {
            return Err(ConnectError::Replica);
        }
        // Boxed, as hyper's are: each type of task is linked twice, once for each kind of executor.
        Ok((client, tokio::spawn(drive(connection, self.notices.clone()).boxed())))
    }
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
async fn drive(mut connection: Connection, notices: Option<Notices>) {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match (message, &notices) {
            (Ok(AsyncMessage::Notice(notice)), Some(notices)) => notices(&notice),
            (Ok(_), _) => {}
            (Err(error), _) => {
                tracing::debug!(%error, "a Postgres connection ended");
                return;
            }
        }
    }
}

/// Returns how to connect. With roots, certificate and host name are both verified (`verify-full`), against these roots
/// only.
fn tls_by(roots: Option<&str>) -> Result<(SslMode, MakeRustlsConnect)> {
    let (mode, config) = match roots {
        Some(pem) => {
            let invalid = |why| Error::Configuration(format!("DB_SSL_ROOT_CERT is invalid: {why}"));
            (SslMode::Require, tls::client_config(pem.as_bytes()).map_err(invalid)?)
        }
        None => (SslMode::Disable, tls::trusting_nobody().map_err(Error::internal)?),
    };
    Ok((mode, MakeRustlsConnect::new(config)))
}
