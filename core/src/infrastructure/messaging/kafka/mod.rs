//! The bus on Kafka, for events. The library retries without end when no broker responds, so each wait for it
//! has our own time limit. After a failure we connect again.

mod client;
mod partitioner;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture, future::join_all};
use rskafka::client::Credentials;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout, timeout_at},
};

use super::{Bus, Outgoing, Queue, Sent};
use crate::{
    config::{KafkaConfig, KafkaSecurity, Login},
    domain::{Error, Result, clock::Clock},
    infrastructure::secrets::{Secrets, StoredLogin},
};
use client::{BrokerConnectError, TopicClient, Trouble};
use partitioner::partition_of;

/// From the secret to the list of partitions. Together with [`PRODUCE`] it is less than a relay keeps back
/// from its time.
const CONNECT: Duration = Duration::from_secs(4);
/// Until all replicas have what was sent, connections to the partitions' leaders included.
const PRODUCE: Duration = Duration::from_secs(4);

pub struct KafkaBus {
    config: KafkaConfig,
    secrets: Arc<Secrets>,
    clock: Arc<dyn Clock>,
    client: Mutex<Option<TopicClient>>,
}

impl KafkaBus {
    /// Connects at its first use.
    pub fn new(config: KafkaConfig, secrets: Arc<Secrets>, clock: Arc<dyn Clock>) -> Self {
        Self { config, secrets, clock, client: Mutex::new(None) }
    }

    async fn produce(&self, messages: &[Outgoing]) -> Result<Sent> {
        // Taken out, and put back if something went well: whatever else happens, the next call dials.
        let mut kept = self.client.lock().await;
        let mut client = match kept.take() {
            Some(client) if client.is_fresh(&*self.clock) => client,
            _ => self.dial().await?,
        };
        let mut partitions: BTreeMap<usize, Vec<&Outgoing>> = BTreeMap::new();
        for message in messages {
            let key = message.group.as_deref().map_or(&message.id.as_bytes()[..], str::as_bytes);
            partitions.entry(partition_of(key, client.partitions())).or_default().push(message);
        }
        let end = Instant::now() + PRODUCE;
        let work = partitions.iter().map(|(partition, own)| self.fill(&client, *partition, own, end));
        let outcomes = join_all(work).await;
        let (mut sent, mut lost) = (Sent::default(), None);
        for (partition, (filled, error)) in partitions.keys().zip(outcomes) {
            sent.accepted.extend(filled.accepted);
            sent.refused.extend(filled.refused);
            if error.is_some() {
                client.forget(*partition);
            }
            lost = error.or(lost);
        }
        match lost {
            None => *kept = Some(client),
            // The events that other partitions have accepted count as sent, and their connections stay in
            // use.
            Some(error) if sent != Sent::default() => {
                *kept = Some(client);
                tracing::warn!(error = error.chain(), "a partition did not accept its events; they wait");
            }
            Some(error) => return Err(error),
        }
        Ok(sent)
    }

    /// One partition's messages, in their order: which of them were answered, and why not the others.
    async fn fill(
        &self,
        client: &TopicClient,
        partition: usize,
        own: &[&Outgoing],
        end: Instant,
    ) -> (Sent, Option<Error>) {
        let mut sent = Sent::default();
        let lost = self.append(client, partition, own, end, &mut sent).await.err();
        (sent, lost)
    }

    /// As one batch. If the broker does not want it, it does not say because of which record: then each
    /// asks for itself.
    async fn append(
        &self,
        client: &TopicClient,
        partition: usize,
        own: &[&Outgoing],
        end: Instant,
        sent: &mut Sent,
    ) -> Result<()> {
        let answer = timeout_at(end, client.append(partition, own, self.clock.now())).await;
        match answer.unwrap_or_else(|late| Err(Trouble::Lost(Error::unavailable("kafka", late)))) {
            Ok(()) => sent.accepted.extend(own.iter().map(|one| one.id)),
            Err(Trouble::Lost(error)) => return Err(error),
            Err(Trouble::Refused(why)) => match own {
                [one] => sent.refused.push((one.id, why)),
                _ => {
                    for one in own.chunks(1) {
                        Box::pin(self.append(client, partition, one, end, sent)).await?;
                    }
                }
            },
        }
        Ok(())
    }

    async fn dial(&self) -> Result<TopicClient> {
        timeout(CONNECT, self.log_in()).await.unwrap_or_else(|late| {
            let servers = self.config.servers.join(",");
            Err(Error::unavailable("kafka", format!("no response from {servers}: {late}")))
        })
    }

    async fn log_in(&self) -> Result<TopicClient> {
        let KafkaSecurity::Scram { login, .. } = &self.config.security else {
            return self.connect(None).await.map_err(BrokerConnectError::into_error);
        };
        let id = match login {
            Login::Stored(id) => id,
            Login::Inline { user, password } => {
                let credentials = Credentials::new(user.clone(), password.expose().clone());
                return self.connect(Some(&credentials)).await.map_err(BrokerConnectError::into_error);
            }
        };
        let by = |text: &str| StoredLogin::parse(id, text).map(|l| Credentials::new(l.username, l.password));
        let known = self.secrets.stored(id).await?;
        match self.connect(Some(&by(&known)?)).await {
            // The password has been rotated since it was cached: fetch once, try once.
            Err(BrokerConnectError::Login(error)) => {
                let newer = self.secrets.get_newer(id, &known).await?;
                if newer == known {
                    return Err(error);
                }
                self.connect(Some(&by(&newer)?)).await.map_err(BrokerConnectError::into_error)
            }
            outcome => outcome.map_err(BrokerConnectError::into_error),
        }
    }

    async fn connect(&self, credentials: Option<&Credentials>) -> Result<TopicClient, BrokerConnectError> {
        TopicClient::connect(&self.config, credentials, &*self.clock).await
    }
}

impl Bus for KafkaBus {
    fn send<'a>(&'a self, queue: Queue, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Sent>> {
        async move {
            match queue {
                Queue::Events => self.produce(messages).await,
                Queue::Tasks | Queue::Mail => Err(Error::internal("tasks do not go to Kafka")),
            }
        }
        .boxed()
    }

    /// Always opens a new connection, because a kept one does not show whether the broker responds now.
    fn ping(&self, _: Queue) -> BoxFuture<'_, Result<()>> {
        async move { self.dial().await.map(drop) }.boxed()
    }
}

impl std::fmt::Debug for KafkaBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaBus").field("config", &self.config).finish_non_exhaustive()
    }
}
