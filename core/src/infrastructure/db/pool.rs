//! What the pool holds, and how it makes a connection and checks one after a freeze.

use std::time::{Duration, Instant};

use deadpool::managed;
use deadpool_postgres::ClientWrapper;

use super::{Health, Repeat, Runner, connect::Connector};
use crate::{
    config::Statements,
    domain::{Error, Result},
    telemetry::{Metric, Span},
};

/// A connection that takes longer is reported. One in the same zone takes a tenth of it, TLS and login included.
const LONG_WAIT: Duration = Duration::from_millis(250);
/// A frozen instance wakes with a dead socket; a connection used a moment ago is not asked.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(30);
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Reports a request that waited long for a connection which other requests used. A new connection reports itself.
pub(super) fn note_wait(
    asked: Instant,
    found: &std::result::Result<managed::Object<Connector>, managed::PoolError<Error>>,
) {
    let waited = asked.elapsed();
    let used_by_others = match found {
        Ok(object) => managed::Object::metrics(object).created < asked,
        Err(error) => !matches!(error, managed::PoolError::Backend(_)),
    };
    if waited >= LONG_WAIT && used_by_others {
        Metric::DATABASE_WAIT.note("busy", waited.as_millis() as u64);
    }
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
        let start = Instant::now();
        let span = Span::call(|| "connect".to_owned());
        let connected = self.connect_pooled().await;
        let waited = start.elapsed();
        span.end(&connected);
        if waited >= LONG_WAIT {
            let outcome = if connected.is_ok() { "connected" } else { "failed" };
            Metric::DATABASE_WAIT.note(outcome, waited.as_millis() as u64);
        }
        let (client, driver) = connected?;
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
