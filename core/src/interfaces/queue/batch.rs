//! The event and the response of an SQS trigger, field by field as Lambda defines them.

use serde::{Deserialize, Serialize};

use crate::application::events::Delivery;

/// Lenient types of our own: a body with a wrong form must fail its record, but never the whole batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub message_id: String,
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: Option<String>,
    message_group_id: Option<String>,
    sequence_number: Option<String>,
}

impl Record {
    /// Creates a record of Kafka, which must be handled in the order of its partition.
    pub(super) fn of_partition(message_id: String, body: String, partition: String) -> Self {
        let attributes = Attributes {
            approximate_receive_count: None,
            sequence_number: Some(message_id.clone()),
            message_group_id: Some(partition),
        };
        Self { message_id, body, attributes }
    }

    /// Returns how often it has been delivered, including this time.
    pub fn receives(&self) -> u32 {
        let count = self.attributes.approximate_receive_count.as_deref();
        count.and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// Returns its group on a FIFO queue, whose messages must be handled in order. Only on FIFO queues messages
    /// have a sequence number. On a standard queue a group only affects fairness.
    pub(super) fn fifo_group(&self) -> Option<&str> {
        self.attributes.sequence_number.as_ref().and(self.attributes.message_group_id.as_deref())
    }

    pub fn delivery(&self) -> Delivery<'_> {
        Delivery { body: &self.body, message_id: &self.message_id }
    }
}

/// The records that must be delivered again. An empty list means that all succeeded. Lambda would take any
/// other form for a failure of the whole batch.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    pub batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    pub item_identifier: String,
}

impl BatchResponse {
    pub(super) fn fail(&mut self, record: &Record) {
        self.batch_item_failures.push(ItemFailure { item_identifier: record.message_id.clone() });
    }
}
