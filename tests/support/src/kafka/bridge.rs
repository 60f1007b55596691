//! THE BRIDGE: ours, not AWS's. It plays Lambda's event source mapping for Kafka as AWS documents it:
//! takes what lies behind its place in each partition, builds the event, has the function answer, and
//! moves on as the answer says. Differences: it keeps its places itself and in no consumer group, and
//! calls once when it is asked to, not all the time.

use std::{collections::BTreeMap, time::Duration};

use app_core::testing::event;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::join_all;
use rskafka::{
    BackoffConfig,
    chrono::DateTime,
    client::{
        ClientBuilder,
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::{Record, RecordAndOffset},
};
use serde_json::{Value, json};

use super::{Cluster, PARTITIONS, TOPIC};

/// As the template's `BatchSize`.
const BATCH: usize = 100;
/// How long the broker waits for something to come.
const WAIT_MILLIS: i32 = 200;

pub struct Bridge {
    partitions: Vec<PartitionClient>,
    /// In each partition, the offset that comes next.
    pub places: Vec<i64>,
    /// How many records one event holds at most.
    pub batch: usize,
}

impl Bridge {
    /// At the beginning of the topic, as `TRIM_HORIZON` says.
    pub async fn new(cluster: &Cluster) -> Self {
        Self::by(ClientBuilder::new(vec![cluster.server()])).await
    }

    /// The same, for a broker that asks who it is.
    pub async fn by(client: ClientBuilder) -> Self {
        // The library would try for ever.
        let backoff = BackoffConfig { deadline: Some(Duration::from_secs(5)), ..BackoffConfig::default() };
        let client = client.backoff_config(backoff).build().await.expect("the broker answers");
        let mut partitions = Vec::new();
        for partition in 0..PARTITIONS {
            let client = client.partition_client(TOPIC, partition as i32, UnknownTopicHandling::Error).await;
            partitions.push(client.expect("a partition"));
        }
        Self { partitions, places: vec![0; PARTITIONS], batch: BATCH }
    }

    /// What lies behind the places, all of it.
    pub async fn records(&self) -> Vec<Vec<RecordAndOffset>> {
        join_all(self.partitions.iter().zip(&self.places).map(|(client, place)| rest_of(client, *place)))
            .await
    }

    /// One round: how many records the event held; none when nothing lay there and nobody was called.
    ///
    /// # Panics
    /// When the answer names a place that the event does not hold: Lambda would take that for a failure of
    /// the whole batch.
    pub async fn poll(&mut self, answer: impl AsyncFnOnce(String) -> Value) -> Option<usize> {
        let mut left = self.batch;
        let mut taken = self.records().await;
        for records in &mut taken {
            records.truncate(left);
            left -= records.len();
        }
        let count = self.batch - left;
        if count == 0 {
            return None;
        }
        let answer = answer(event_of(&taken)).await;
        let mut stopped: BTreeMap<String, i64> = BTreeMap::new();
        for failure in answer["batchItemFailures"].as_array().expect("a list of failures") {
            let place = &failure["itemIdentifier"];
            let partition = place["partition"].as_str().expect("a partition").to_owned();
            stopped.insert(partition, place["offset"].as_i64().expect("an offset"));
        }
        for (partition, records) in taken.iter().enumerate() {
            let Some(last) = records.last() else { continue };
            self.places[partition] = match stopped.remove(&format!("{TOPIC}-{partition}")) {
                Some(place) => {
                    assert!(records.iter().any(|record| record.offset == place), "{place} of {partition}");
                    place
                }
                None => last.offset + 1,
            };
        }
        assert!(stopped.is_empty(), "places that the event does not hold: {stopped:?}");
        Some(count)
    }

    /// Another producer's records, straight into a partition.
    pub async fn write(&self, partition: usize, values: &[&str]) {
        let record = |value: &&str| Record {
            key: None,
            value: Some(value.as_bytes().to_vec()),
            headers: BTreeMap::new(),
            timestamp: DateTime::from_timestamp_millis(1_755_431_892_345).expect("a time"),
        };
        let records = values.iter().map(record).collect();
        self.partitions[partition].produce(records, Compression::NoCompression).await.expect("written");
    }
}

/// Until nothing more comes: the broker's own word for the end of a partition counts batches, not records.
async fn rest_of(client: &PartitionClient, place: i64) -> Vec<RecordAndOffset> {
    let mut found: Vec<RecordAndOffset> = Vec::new();
    loop {
        let next = found.last().map_or(place, |last| last.offset + 1);
        let (records, _) = client.fetch_records(next, 1..1_000_000, WAIT_MILLIS).await.expect("records");
        let known = found.len();
        found.extend(records.into_iter().filter(|record| record.offset >= next));
        if found.len() == known {
            return found;
        }
    }
}

/// Field by field as in AWS's documentation of a self-managed cluster.
fn event_of(taken: &[Vec<RecordAndOffset>]) -> String {
    let mut event = event("events-consumer-kafka").0;
    event["eventSource"] = json!("SelfManagedKafka");
    event.as_object_mut().expect("an object").remove("eventSourceArn");
    event["records"] = json!({});
    for (partition, records) in taken.iter().enumerate().filter(|(_, records)| !records.is_empty()) {
        let filled = records.iter().map(|RecordAndOffset { record, offset }| {
            json!({
                "topic": TOPIC,
                "partition": partition,
                "offset": offset,
                "timestamp": record.timestamp.timestamp_millis(),
                "timestampType": "CREATE_TIME",
                "key": record.key.as_ref().map(|key| BASE64_STANDARD.encode(key)),
                "value": record.value.as_ref().map(|value| BASE64_STANDARD.encode(value)),
                "headers": record.headers.iter().map(|(name, value)| json!({ name: value })).collect::<Vec<_>>(),
            })
        });
        event["records"][format!("{TOPIC}-{partition}")] = filled.collect();
    }
    event.to_string()
}
