//! Where a message came from.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::telemetry::{self, TraceContext};

/// Where a message came from: the id of the request or message that caused it, and the trace that it continues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// None in messages of earlier versions, of schedules and of other writers.
    #[serde(rename = "traceparent", skip_serializing_if = "Option::is_none")]
    pub context: Option<TraceContext>,
}

impl<'de> Deserialize<'de> for Trace {
    /// Reads any value. Only logs and traces use it, so an unexpected form is no reason to refuse a message.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let request_id = value["request_id"].as_str().map(str::to_owned);
        Ok(Self { request_id, context: value["traceparent"].as_str().and_then(TraceContext::of_traceparent) })
    }
}

impl Trace {
    /// The request or message that is being worked on.
    pub fn current() -> Self {
        Self { request_id: telemetry::request_id(), context: telemetry::trace() }
    }
}
