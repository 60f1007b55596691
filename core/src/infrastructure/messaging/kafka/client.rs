//! A connection to the cluster, in the library's words and out of them.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::select_all;
use rskafka::{
    BackoffConfig,
    chrono::DateTime,
    client::{
        Client, ClientBuilder, Credentials, SaslConfig,
        error::{Error as KafkaError, ProtocolError},
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use time::OffsetDateTime;
use tokio::sync::OnceCell;

use crate::{
    config::{KafkaConfig, KafkaSecurity},
    domain::{Error, Result, clock::Clock},
    infrastructure::{
        deadline::Deadline,
        messaging::{Outgoing, envelope},
        tls,
    },
};

/// How long the list of partitions is believed: more may be added, and a key's place moves with them.
const FRESH: Duration = Duration::from_secs(5 * 60);

pub(super) struct TopicClient {
    client: Client,
    topic: String,
    /// By number; the connection to its leader is made when it is first written to.
    partitions: Vec<OnceCell<PartitionClient>>,
    fresh_until: Deadline,
}

/// Why there is no connection.
pub(super) enum BrokerConnectError {
    Login(Error),
    Other(Error),
}

impl BrokerConnectError {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Login(error) | Self::Other(error) => error,
        }
    }
}

impl From<Error> for BrokerConnectError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Why records were not taken.
pub(super) enum Trouble {
    /// They are at fault; the word is Kafka's.
    Refused(String),
    /// It is unknown whether they were stored.
    Lost(Error),
}

impl TopicClient {
    /// By the first server that lets us in; each knows the whole cluster. The library would try one after
    /// the other, and wait for one that says nothing for as long as the network does.
    ///
    /// A server that refuses the login speaks for all.
    pub(super) async fn connect(
        config: &KafkaConfig,
        credentials: Option<&Credentials>,
        clock: &dyn Clock,
    ) -> Result<Self, BrokerConnectError> {
        let by =
            |server: &String| Box::pin(Self::connect_by(server.clone(), config, credentials.cloned(), clock));
        let mut tries: Vec<_> = config.servers.iter().map(by).collect();
        loop {
            match select_all(tries).await {
                (Err(BrokerConnectError::Other(_)), _, others) if !others.is_empty() => tries = others,
                (outcome, ..) => return outcome,
            }
        }
    }

    async fn connect_by(
        server: String,
        config: &KafkaConfig,
        credentials: Option<Credentials>,
        clock: &dyn Clock,
    ) -> Result<Self, BrokerConnectError> {
        let mut builder =
            ClientBuilder::new(vec![server]).client_id("outbox-relay").backoff_config(patience());
        if let KafkaSecurity::Scram { ssl_root_cert, .. } = &config.security {
            builder =
                builder.tls_config(tls::by_roots_or_amazon(ssl_root_cert.as_deref(), "KAFKA_SSL_ROOT_CERT")?);
        }
        if let Some(credentials) = credentials {
            builder = builder.sasl_config(SaslConfig::ScramSha512(credentials));
        }
        let client = builder.build().await.map_err(|error| refusal(&error))?;
        let topics = client.list_topics().await.map_err(|error| refusal(&error))?;
        let topic = topics.into_iter().find(|topic| topic.name == config.topic);
        let count = topic.map_or(0, |topic| topic.partitions.len());
        if count == 0 {
            return Err(missing(&config.topic).into());
        }
        Ok(Self {
            client,
            topic: config.topic.clone(),
            partitions: (0..count).map(|_| OnceCell::new()).collect(),
            fresh_until: Deadline::after(FRESH, clock),
        })
    }

    pub(super) fn is_fresh(&self, clock: &dyn Clock) -> bool {
        !self.fresh_until.is_reached(clock)
    }

    pub(super) fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// Forgets the partition's connection, so that its leader is looked up again.
    pub(super) fn forget(&mut self, partition: usize) {
        self.partitions[partition] = OnceCell::new();
    }

    /// All of them or none: they are one batch to the broker, which answers when its replicas have it.
    pub(super) async fn append(
        &self,
        partition: usize,
        messages: &[&Outgoing],
        now: OffsetDateTime,
    ) -> Result<(), Trouble> {
        let (topic, number) = (&self.topic, partition as i32);
        let connect = || self.client.partition_client(topic.clone(), number, UnknownTopicHandling::Error);
        let client = self.partitions[partition]
            .get_or_try_init(connect)
            .await
            .map_err(|error| trouble(topic, &error))?;
        let now = DateTime::from_timestamp_millis((now.unix_timestamp_nanos() / 1_000_000) as i64)
            .unwrap_or_default();
        let record = |message: &&Outgoing| Record {
            key: message.group.clone().map(String::into_bytes),
            value: Some(message.body.clone().into_bytes()),
            headers: headers(&message.body),
            timestamp: now,
        };
        let records = messages.iter().map(record).collect();
        let produced = client.produce(records, Compression::NoCompression).await;
        produced.map(drop).map_err(|error| trouble(topic, &error))
    }
}

/// Returns the header `traceparent`, for the libraries of other consumers. It follows from the message, which our own
/// consumer reads.
fn headers(body: &str) -> BTreeMap<String, Vec<u8>> {
    let trace = envelope::trace_of(body).context;
    trace.map(|trace| ("traceparent".to_owned(), trace.to_string().into_bytes())).into_iter().collect()
}

/// Once or twice more, for a leader that has just moved. What takes longer is for the next run.
fn patience() -> BackoffConfig {
    BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_millis(200),
        base: 2.0,
        deadline: Some(Duration::from_millis(250)),
    }
}

fn refusal(error: &KafkaError) -> BrokerConnectError {
    let told = error.to_string();
    // The library hides its own types behind its retries; its words are all there is.
    if told.contains("Sasl handshake failed") {
        return BrokerConnectError::Login(Error::unavailable(
            "kafka",
            format!("the brokers refuse the user or the password, or do not offer SCRAM-SHA-512: {told}"),
        ));
    }
    BrokerConnectError::Other(Error::unavailable("kafka", told))
}

fn trouble(topic: &str, error: &KafkaError) -> Trouble {
    let KafkaError::ServerError { protocol_error, .. } = error else {
        return Trouble::Lost(Error::unavailable("kafka", error.to_string()));
    };
    match protocol_error {
        ProtocolError::MessageTooLarge
        | ProtocolError::RecordListTooLarge
        | ProtocolError::InvalidRecord
        | ProtocolError::InvalidTimestamp => Trouble::Refused(protocol_error.to_string()),
        ProtocolError::UnknownTopicOrPartition => Trouble::Lost(missing(topic)),
        ProtocolError::TopicAuthorizationFailed => Trouble::Lost(Error::Configuration(format!(
            "the user of KAFKA_SECRET_ARN may not write to topic {topic}: allow it, or correct KAFKA_TOPIC"
        ))),
        other => Trouble::Lost(Error::unavailable("kafka", format!("topic {topic}: {other}"))),
    }
}

fn missing(topic: &str) -> Error {
    Error::Configuration(format!(
        "the brokers have no topic {topic} that this user may see: create it, allow it, or correct KAFKA_TOPIC"
    ))
}

#[cfg(test)]
mod tests {
    use rskafka::client::error::RequestContext;

    use super::*;

    fn answered(protocol_error: ProtocolError) -> KafkaError {
        KafkaError::ServerError {
            protocol_error,
            error_message: None,
            request: RequestContext::Partition("events".into(), 0),
            response: None,
            is_virtual: false,
        }
    }

    #[test]
    fn only_what_is_wrong_with_a_record_is_its_refusal() {
        for fault in
            [ProtocolError::MessageTooLarge, ProtocolError::RecordListTooLarge, ProtocolError::InvalidRecord]
        {
            assert!(matches!(trouble("events", &answered(fault)), Trouble::Refused(_)), "{fault}");
        }
        for outage in [
            ProtocolError::NotEnoughReplicas,
            ProtocolError::CorruptMessage,
            ProtocolError::KafkaStorageError,
            ProtocolError::UnknownServerError,
        ] {
            let Trouble::Lost(error) = trouble("events", &answered(outage)) else { panic!("{outage}") };
            assert!(error.retryable() && error.chain().contains(&outage.to_string()), "{}", error.chain());
        }
        let words = |fault| match trouble("events", &answered(fault)) {
            Trouble::Lost(error) => error.chain(),
            Trouble::Refused(why) => panic!("{why}"),
        };
        assert!(words(ProtocolError::UnknownTopicOrPartition).contains("no topic events"));
        assert!(words(ProtocolError::TopicAuthorizationFailed).contains("may not write to topic events"));
    }
}
