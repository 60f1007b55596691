//! What a function needs: which settings are checked, and what is done at its start.

use std::{fmt, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::App;
use crate::{
    config::EventsBus,
    domain::{Error, Result},
    infrastructure::messaging::Queue,
};

/// A queue that does not answer holds up no start: its messages are in the outbox.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a function needs at start. Only this is validated, loaded and connected in init.
///
/// How a need is met is a function that it carries, and not a branch of one that knows all of them:
/// a binary links what its own needs do, and nothing else.
#[derive(Clone, Copy)]
pub struct Need {
    name: &'static str,
    meet: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>,
}

#[expect(non_upper_case_globals, reason = "they read as what they would be, the variants of an enum")]
impl Need {
    /// A Postgres connection.
    pub const Database: Self = Self::new("Database", |app| connect(app).boxed());
    /// The keys that sign and verify tokens.
    pub const Tokens: Self = Self::new("Tokens", |app| app.tokens().map(|keys| keys.map(drop)).boxed());
    /// The server that takes mail. It is connected to at the first mail.
    pub const Mail: Self = Self::new("Mail", at_first_use);
    /// The limits on signing up and in, and the key of [`Need::Pseudonyms`].
    pub const Limits: Self = Self::new("Limits", |app| app.limits().map(|limits| limits.map(drop)).boxed());
    /// The key that makes pseudonyms of addresses, accounts and requests. It is fetched at its first
    /// use: most requests have none.
    pub const Pseudonyms: Self = Self::new("Pseudonyms", at_first_use);
    /// Values that may be forgotten: in Valkey, or else in Postgres, which is a need of its own.
    pub const KeyValue: Self = Self::new("KeyValue", at_first_use);
    /// The events queue, for a function whose caller waits while it sends: client and connection are
    /// made before. Any queue's connection is good for all, they have one host.
    pub const Queues: Self = Self::new("Queues", |app| reach_queues(app).boxed());

    /// The brokers that take events. They are connected to at the first one.
    pub const Kafka: Self = Self::new("Kafka", at_first_use);

    const fn new(name: &'static str, meet: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>) -> Self {
        Self { name, meet }
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

impl PartialEq for Need {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Need::{}", self.name)
    }
}
