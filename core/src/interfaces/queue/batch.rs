//! SQS's event and our answer to it, field by field as Lambda has them.

use serde::{Deserialize, Serialize};

use crate::application::events::Delivery;

/// Own types, lenient ones: a body of a wrong shape must fail its record, never the whole batch.
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
    /// One that is not SQS's, and that must be done in the order of its partition.
    pub(super) fn of_partition(message_id: String, body: String, partition: String) -> Self {
        let attributes = Attributes {
            approximate_receive_count: None,
            sequence_number: Some(message_id.clone()),
            message_group_id: Some(partition),
        };
        Self { message_id, body, attributes }
    }

    /// How often it has been handed out, this time included.
    pub fn receives(&self) -> u32 {
        let count = self.attributes.approximate_receive_count.as_deref();
        count.and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// Its group on a FIFO queue, whose messages must be done in order. Only there messages have a
    /// sequence number; a group alone means nothing on a standard queue but fairness.
    pub(super) fn fifo_group(&self) -> Option<&str> {
        self.attributes.sequence_number.as_ref().and(self.attributes.message_group_id.as_deref())
    }

    pub fn delivery(&self) -> Delivery<'_> {
        Delivery { body: &self.body, message_id: &self.message_id }
    }
}

/// The records that shall come again. An empty list means that all went well; any other shape
/// would mean to Lambda that all failed.
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
