//! The event and the response of a Kafka trigger. A batch runs as for SQS: a partition is a group, whose
//! records are handled in order.
//!
//! Lambda keeps one offset for each partition. So a failed record stops its partition: the records after it
//! are not started, and Lambda delivers all of them again from the failed one.

use std::{collections::BTreeMap, time::Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::{Handler, Record, RuntimeError, Source, run::Run, serve::each_batch, source::Carrier};
use crate::{
    app::{App, Need},
    domain::Result,
    infrastructure::messaging::Outgoing,
    interfaces::runtime::start,
    telemetry,
};

/// Lenient types of our own: only the offset of a record must be readable. Any other fault fails the record, but
/// never the batch.
#[derive(Debug, Deserialize)]
struct KafkaEvent {
    /// The records of each partition. A key is topic and partition, for example `events-0`.
    records: BTreeMap<String, Vec<KafkaRecord>>,
}

#[derive(Debug, Deserialize)]
struct KafkaRecord {
    offset: i64,
    /// Encoded in base64. Null for a tombstone.
    #[serde(default)]
    value: serde_json::Value,
}

impl KafkaRecord {
    /// Returns the text, or an empty text, which is not a valid event.
    fn body(&self) -> String {
        let bytes = self.value.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// The offset from which each partition must be delivered again. An empty list means that all succeeded.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaResponse {
    pub batch_item_failures: Vec<Stopped>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    pub item_identifier: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The name from the event. With any other name, Lambda delivers the whole batch again.
    pub partition: String,
    pub offset: i64,
}

impl Place {
    /// Returns the id of the message, which is the same for each delivery.
    fn id(&self) -> String {
        format!("{}@{}", self.partition, self.offset)
    }
}

/// Starts a function that reads a Kafka topic, then serves batches until the environment is shut down.
///
/// # Errors
/// `Configuration` with everything that is wrong, and errors of Lambda's Runtime API.
pub fn main_kafka<H, F>(needs: &[Need], source: Source, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, Vec<Record>, Instant) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Vec<Outgoing>>> + Send + 'static,
{
    run(needs, source, Handler::of(handler))
}

fn run(needs: &[Need], source: Source, handler: Handler) -> Result<(), RuntimeError> {
    start(needs, |app| {
        each_batch(app, move |app, event, deadline| {
            respond_kafka(app, source, handler.clone(), event, deadline).boxed()
        })
    })
}

/// Handles one batch. Tests call this function too.
///
/// # Errors
/// Only for an event that is not a Kafka batch. Then Lambda delivers all of it again.
pub async fn respond_kafka(
    app: &App,
    source: Source,
    handler: Handler,
    event: &str,
    deadline: Instant,
) -> Result<KafkaResponse, RuntimeError> {
    let event: KafkaEvent = serde_json::from_str(event).inspect_err(|error| {
        tracing::error!(%error, "the event is not a Kafka event");
        telemetry::note_failure();
    })?;
    let (mut records, mut places) = (Vec::new(), BTreeMap::new());
    for (partition, mut own) in event.records {
        own.sort_by_key(|record| record.offset);
        for record in own {
            let place = Place { partition: partition.clone(), offset: record.offset };
            records.push(Record::of_partition(place.id(), record.body(), partition.clone()));
            places.insert(place.id(), place);
        }
    }
    let failed = Run::new(app, source, Carrier::Kafka, handler, deadline).batch(records).await;
    let failed = failed.batch_item_failures.iter().filter_map(|one| places.remove(&one.item_identifier));
    Ok(first_of_each(failed))
}

/// Returns the first failed offset of each partition. The records after it are delivered again with it.
fn first_of_each(failed: impl Iterator<Item = Place>) -> KafkaResponse {
    let mut first: BTreeMap<String, i64> = BTreeMap::new();
    for Place { partition, offset } in failed {
        first.entry(partition).and_modify(|known| *known = offset.min(*known)).or_insert(offset);
    }
    let stopped =
        first.into_iter().map(|(partition, offset)| Stopped { item_identifier: Place { partition, offset } });
    KafkaResponse { batch_item_failures: stopped.collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_response_has_the_shape_that_lambda_reads() {
        let place = |partition: &str, offset| Place { partition: partition.into(), offset };
        let failed = [place("b-1", 9), place("a-0", 7), place("b-1", 3), place("a-0", 8)];
        let response = serde_json::to_value(first_of_each(failed.into_iter())).expect("json");
        let expected = json!({ "batchItemFailures": [
            { "itemIdentifier": { "partition": "a-0", "offset": 7 } },
            { "itemIdentifier": { "partition": "b-1", "offset": 3 } },
        ] });
        assert_eq!(response, expected);
        let well = serde_json::to_value(KafkaResponse::default()).expect("json");
        assert_eq!(well, json!({ "batchItemFailures": [] }));
    }

    #[test]
    fn a_record_needs_a_place_and_nothing_else() {
        let body =
            |record: serde_json::Value| serde_json::from_value::<KafkaRecord>(record).map(|r| r.body());
        assert_eq!(body(json!({ "offset": 1, "value": "e30=" })).expect("a record"), "{}");
        for odd in [json!(null), json!(5), json!("%"), json!("/w=="), json!({})] {
            let record = json!({ "offset": 1, "value": odd, "headers": [{ "k": [-1, "x"] }], "key": 7 });
            assert_eq!(body(record).expect("a record"), "");
        }
        assert_eq!(body(json!({ "offset": 1 })).expect("a record"), "");
        assert!(body(json!({ "value": "e30=" })).is_err());
    }
}
