//! Secrets Manager behind a cache that lives five minutes, so that a rotated secret is picked up
//! without a deployment.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::aws;
use crate::{
    config::{AwsConfig, SecretSource},
    domain::{Error, Result},
};

/// Key rotation waits this long before it signs with a new key.
pub const TTL: Duration = Duration::from_secs(5 * 60);

pub struct Secrets {
    aws: AwsConfig,
    cache: Mutex<HashMap<String, (Arc<str>, Instant)>>,
}

impl Secrets {
    pub fn new(aws: AwsConfig) -> Self {
        Self { aws, cache: Mutex::new(HashMap::new()) }
    }

    /// The secret's text, at most five minutes old.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read. A value that is already known is used beyond its
    /// time rather than failing requests while Secrets Manager is down.
    pub async fn get(&self, source: &SecretSource) -> Result<Arc<str>> {
        match source {
            SecretSource::Inline(value) => Ok(Arc::from(value.expose().as_str())),
            SecretSource::Stored(id) => self.stored(id, None).await,
        }
    }

    /// The same, but never `stale`: for when the value did not work, because it has been rotated.
    pub async fn get_newer(&self, id: &str, stale: &str) -> Result<Arc<str>> {
        self.stored(id, Some(stale)).await
    }

    pub async fn stored(&self, id: &str, stale: Option<&str>) -> Result<Arc<str>> {
        // Held across the fetch: whoever comes second waits for the first one's answer.
        let mut cache = self.cache.lock().await;
        let known = cache.get(id).cloned();
        if let Some((value, fetched)) = &known
            && fetched.elapsed() < TTL
            && stale != Some(&**value)
        {
            return Ok(value.clone());
        }
        // Boxed: the client's future is large, and this one is part of many others.
        match (Box::pin(fetch(&self.aws, id)).await, known) {
            (Ok(value), _) => {
                cache.insert(id.to_owned(), (value.clone(), Instant::now()));
                Ok(value)
            }
            (Err(error), Some((value, _))) if stale.is_none() => {
                tracing::warn!(
                    secret = id,
                    error = error.chain(),
                    "secret store unreachable, using the known value"
                );
                Ok(value)
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

async fn fetch(config: &AwsConfig, id: &str) -> Result<Arc<str>> {
    use aws_sdk_secretsmanager::{Client, config::Builder};
    // Built anew each time: it happens once in five minutes, and the HTTP client is shared.
    let parts = aws::Parts::new(config)?;
    let mut builder = Builder::new()
        .http_client(parts.http)
        .region(parts.region)
        .credentials_provider(parts.credentials)
        .timeout_config(parts.timeouts)
        .retry_config(parts.retries);
    builder.set_endpoint_url(parts.endpoint);
    let answer = Client::from_conf(builder.build())
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| Error::unavailable("secret store", error))?;
    match answer.secret_string {
        Some(text) => Ok(Arc::from(text)),
        None => Err(Error::Configuration(format!("secret {id} is binary; it must be text"))),
    }
}
