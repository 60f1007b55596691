//! SQS's event and our answer to it, field by field as Lambda has them.

use serde::{Deserialize, Serialize};

/// Own types, lenient ones: a body of a wrong shape must fail its record, never the whole batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub message_id: String,
    #[serde(default)]
    pub body: String,
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
