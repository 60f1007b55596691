//! Secrets Manager behind a cache that lives minutes, so that a rotated secret is picked up
//! without a deployment.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::Client;
use futures_util::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use tokio::sync::Mutex as Turn;

use super::{aws, deadline::Deadline};
use crate::{
    config::{AwsConfig, SecretSource},
    domain::{
        Error, Result,
        clock::{Clock, SystemClock},
    },
};

/// Key rotation waits this long, and `RETRY`, before it signs with a new key (xtask/src/keys.rs).
const TTL: Duration = Duration::from_secs(5 * 60);
/// After a failed fetch, how long a known value is used before the store is asked again.
const RETRY: Duration = Duration::from_secs(30);
/// A caller that has waited this long for its turn does not wait longer.
const LONGEST_TURN: Duration = Duration::from_millis(250);

pub struct Secrets {
    store: Box<dyn Store>,
    cache: Mutex<HashMap<String, Known>>,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    /// One question at a time: the next finds the connection open, and often the answer in the cache. At a start, the
    /// first is the database's login, and while that connects there is time for the others.
    turn: Turn<()>,
}

#[derive(Clone)]
struct Known {
    value: Arc<str>,
    good_until: Deadline,
}

/// Where secrets are kept. It is a trait so that tests can replace it.
pub(super) trait Store: Send + Sync {
    fn fetch<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<str>>>;
}

impl Secrets {
    pub fn new(aws: AwsConfig) -> Self {
        Self::over(Box::new(SecretsManager { aws, client: OnceLock::new() }))
    }

    /// For a function that has none, and so does not link the store's client.
    pub fn none() -> Self {
        Self::over(Box::new(Nowhere))
    }

    pub(super) fn over(store: Box<dyn Store>) -> Self {
        let (cache, turn) = (Mutex::default(), Turn::default());
        Self { store, cache, ttl: TTL, clock: Arc::new(SystemClock), turn }
    }

    /// With another time than five minutes.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// The secret's text.
    ///
    /// # Errors
    /// As `stored`.
    pub async fn get(&self, source: &SecretSource) -> Result<Arc<str>> {
        match source {
            SecretSource::Inline(value) => Ok(Arc::from(value.expose().as_str())),
            SecretSource::Stored(id) => self.stored(id).await,
        }
    }

    /// A stored secret's text, at most `ttl` old, or older while another request asks for the next one.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read. A value that is already known is used beyond its
    /// time rather than failing requests while Secrets Manager is down.
    pub async fn stored(&self, id: &str) -> Result<Arc<str>> {
        let is_good = |known: &Known| !known.good_until.is_reached(&*self.clock);
        match self.known(id) {
            Some(known) if is_good(&known) => Ok(known.value),
            None => self.fetch(id, is_good).await,
            Some(known) => {
                // While another request asks, the old value will do.
                let Ok(_turn) = self.turn.try_lock() else { return Ok(known.value) };
                self.ask(id).await.or_else(|error| {
                    tracing::warn!(
                        secret_id = id,
                        error = error.chain(),
                        "the secret store is unreachable; the cached value stays in use"
                    );
                    self.keep(id, known.value.clone(), RETRY.min(self.ttl));
                    Ok(known.value)
                })
            }
        }
    }

    /// The same, but not `stale`, for when that did not work: asks the store unless somebody has
    /// done so since. It may still be the same text.
    pub async fn get_newer(&self, id: &str, stale: &str) -> Result<Arc<str>> {
        let is_newer = |known: &Known| *known.value != *stale;
        match self.known(id) {
            Some(known) if is_newer(&known) => Ok(known.value),
            _ => self.fetch(id, is_newer).await,
        }
    }

    fn known(&self, id: &str) -> Option<Known> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Asks the store, unless another caller has got an answer that will do while this one waited for its turn.
    async fn fetch(&self, id: &str, will_do: impl Fn(&Known) -> bool) -> Result<Arc<str>> {
        let _turn = tokio::time::timeout(LONGEST_TURN, self.turn.lock()).await;
        if let Some(known) = self.known(id).filter(will_do) {
            return Ok(known.value);
        }
        self.ask(id).await
    }

    async fn ask(&self, id: &str) -> Result<Arc<str>> {
        let value = self.store.fetch(id).await?;
        self.keep(id, value.clone(), self.ttl);
        Ok(value)
    }

    fn keep(&self, id: &str, value: Arc<str>, time: Duration) {
        let known = Known { value, good_until: Deadline::after(time, &*self.clock) };
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), known);
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// User and password in one secret, in the shape that RDS writes and MSK asks for.
#[derive(Deserialize)]
pub(super) struct StoredLogin {
    pub(super) username: String,
    pub(super) password: String,
}

impl StoredLogin {
    pub(super) fn parse(id: &str, text: &str) -> Result<Self> {
        // Not the parser's own words: they could quote the secret.
        serde_json::from_str(text)
            .map_err(|_| Error::Configuration(format!("secret {id} must be JSON with username and password")))
    }
}

struct Nowhere;

impl Store for Nowhere {
    fn fetch<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<str>>> {
        let why = format!("this function uses secret {id} but was started with `App::alone`");
        std::future::ready(Err(Error::Configuration(why))).boxed()
    }
}

struct SecretsManager {
    aws: AwsConfig,
    /// Made by the first secret, good for all.
    client: OnceLock<Client>,
}

impl SecretsManager {
    fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&aws::sdk_config(&self.aws)?);
        Ok(self.client.get_or_init(|| client))
    }
}

impl Store for SecretsManager {
    fn fetch<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<str>>> {
        async move {
            let response = self.client()?.get_secret_value().secret_id(id).send().await;
            match response.map_err(|error| Error::unavailable("secret store", error))?.secret_string {
                Some(text) => Ok(Arc::from(text)),
                None => Err(Error::Configuration(format!("secret {id} is binary; it must be text"))),
            }
        }
        .boxed()
    }
}
