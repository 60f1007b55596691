//! What a function needs: which settings are checked, and what is done at its start.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{App, undeclared};
use crate::{
    config::{AwsConfig, Config, DatabaseConfig, EventsBus, Section},
    domain::{Error, Result},
    infrastructure::{db::Db, messaging::Queue, secrets::Secrets},
};

/// A queue that does not respond holds up no start: its messages are in the outbox.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a function needs at start. Only this is validated, loaded and connected in init.
///
/// Each need carries its own start-up functions, so that a binary links only the needs that it declares.
/// A function without needs links neither the database's driver nor a client of AWS.
#[derive(Clone, Copy)]
pub struct Need {
    section: Section,
    /// Creates the client of the secret store. Each need may have a secret.
    secrets: fn(AwsConfig) -> Secrets,
    /// Creates the pool of database connections. Only [`Need::Database`] has it.
    pool: Option<MakePool>,
    meet: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>,
}

type MakePool = fn(DatabaseConfig, Arc<Secrets>) -> Result<Db>;

#[expect(non_upper_case_globals, reason = "they read as what they would be, the variants of an enum")]
impl Need {
    /// A Postgres connection.
    pub const Database: Self =
        Self { pool: Some(Db::new), ..Self::new(Section::Database, |app| connect(app).boxed()) };
    /// The administrator of the database, and the secrets of its roles. They are used by an operator's command.
    pub const DatabaseRoles: Self = Self::new(Section::DatabaseRoles, at_first_use);
    /// The keys that sign and verify tokens.
    pub const Tokens: Self =
        Self::new(Section::Tokens, |app| app.tokens().map(|keys| keys.map(drop)).boxed());
    /// The server that takes mail. It is connected to at the first mail.
    pub const Mail: Self = Self::new(Section::Mail, at_first_use);
    /// To which countries text messages go, and their budgets. The service is connected to at the first message.
    pub const Sms: Self = Self::new(Section::Sms, at_first_use);
    /// The limits on signing up and in, and the key of [`Need::Pseudonyms`].
    pub const Limits: Self =
        Self::new(Section::Limits, |app| app.limits().map(|limits| limits.map(drop)).boxed());
    /// The key that makes pseudonyms of addresses, accounts and requests. It is fetched at its first
    /// use: most requests have none.
    pub const Pseudonyms: Self = Self::new(Section::Pseudonyms, at_first_use);
    /// The keys of one-time links and codes. They are fetched at their first use: only right requests and
    /// tasks need them.
    pub const Challenges: Self = Self::new(Section::Challenges, at_first_use);
    /// The cache: in Valkey, or else in Postgres, which the function must declare separately.
    pub const KeyValue: Self = Self::new(Section::KeyValue, at_first_use);
    /// The events queue, for a function whose caller waits while it sends. Client and connection are made at
    /// the start. All queues share a host, so one warm connection serves them all.
    pub const Queues: Self = Self::new(Section::Queues, |app| reach_queues(app).boxed());

    /// The brokers that take events. They are connected to at the first one.
    pub const Kafka: Self = Self::new(Section::Kafka, at_first_use);

    const fn new(section: Section, meet: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>) -> Self {
        Self { section, secrets: Secrets::new, pool: None, meet }
    }

    /// Returns the need for a function that rarely uses it: the start checks its settings, and leaves the rest to the
    /// first use.
    #[must_use]
    pub const fn rarely(self) -> Self {
        Self { meet: at_first_use, ..self }
    }

    /// Returns the settings that must be there for it.
    pub(super) fn section(self) -> Section {
        self.section
    }

    /// Returns the store of secrets, which is empty for a function without needs.
    pub(super) fn secrets(needs: &[Self], config: &Config) -> Secrets {
        let store = needs.first().map(|need| (need.secrets)(config.aws.clone()));
        store.map_or_else(Secrets::none, |secrets| secrets.with_ttl(config.secrets_ttl))
    }

    /// Returns what creates the pool of database connections, for the needs of one function.
    pub(super) fn make_pool(needs: &[Self]) -> MakePool {
        needs.iter().find_map(|need| need.pool).unwrap_or(|_, _| Err(undeclared("Need::Database")))
    }

    pub(super) async fn meet(self, app: &App) -> Result<()> {
        (self.meet)(app).await
    }
}

fn at_first_use(_: &App) -> BoxFuture<'_, Result<()>> {
    std::future::ready(Ok(())).boxed()
}

async fn connect(app: &App) -> Result<()> {
    app.db()?.conn().await.map(drop)
}

async fn reach_queues(app: &App) -> Result<()> {
    if app.db()?.outbox().events == EventsBus::Kafka {
        // Nothing that this function sends goes to a queue then.
        return Ok(());
    }
    let reached = tokio::time::timeout(PATIENCE, app.bus()?.ping(Queue::Events)).await;
    reached.unwrap_or_else(|late| Err(Error::unavailable("queue", late)))
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Need::{:?}", self.section)
    }
}
