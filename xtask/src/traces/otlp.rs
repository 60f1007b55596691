//! The messages of OTLP that a datagram holds, read by prost. The functions write them with their own encoder,
//! so a mistake there is seen here.
//!
//! The numbers are those of opentelemetry/proto/trace/v1/trace.proto. Fields that nothing here shows are left out;
//! prost skips them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::Message;

use super::Span;

/// What stands before the message: the daemon's own header, and the mark of sampled spans.
const HEADER: &[u8] = b"{\"format\":\"json\",\"version\":1}\n";
const SAMPLED: &[u8] = b"T1S";

/// The code of a status that says that a span failed.
const ERROR: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<OtlpSpan>,
}

#[derive(Clone, PartialEq, Message)]
struct OtlpSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    Number(i64),
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

/// Returns the spans of a datagram.
///
/// # Errors
/// For bytes that are no datagram of sampled spans; the error says which part is wrong.
pub fn spans(datagram: &[u8]) -> Result<Vec<Span>> {
    let Some(rest) = datagram.strip_prefix(HEADER) else { bail!("the datagram has another header") };
    let Some(text) = rest.strip_prefix(SAMPLED) else { bail!("the datagram has no sampled spans") };
    let bytes = STANDARD.decode(text).ok().context("the datagram is not base64")?;
    let request = ExportTraceServiceRequest::decode(&*bytes).context("the datagram is not OTLP")?;
    Ok(request.resource_spans.into_iter().flat_map(of_resource).collect())
}

fn of_resource(spans: ResourceSpans) -> Vec<Span> {
    let resource = attributes(spans.resource.map(|resource| resource.attributes).unwrap_or_default());
    let function = resource.get("service.name").cloned().unwrap_or_default();
    let spans = spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans
        .map(|span| Span {
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            function: function.clone(),
            name: span.name,
            kind: span.kind.into(),
            start_ns: span.start_time_unix_nano,
            end_ns: span.end_time_unix_nano,
            attributes: attributes(span.attributes),
            failed: span.status.is_some_and(|status| status.code == ERROR),
        })
        .collect()
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::Text(text) => text,
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
    };
    pairs.into_iter().filter_map(|pair| Some((pair.key, text(pair.value?.value?)))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a datagram with these spans, written by prost.
    pub(in crate::traces) fn datagram(spans: &[Span]) -> Vec<u8> {
        let bytes = |text: &str| {
            let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
            (0..text.len()).step_by(2).map(byte).collect::<Vec<u8>>()
        };
        let pair = |key: &str, value: Value| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
        };
        let resource_spans = spans.iter().map(|span| ResourceSpans {
            resource: Some(Resource {
                attributes: vec![pair("service.name", Value::Text(span.function.clone()))],
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![OtlpSpan {
                    trace_id: bytes(&span.trace),
                    span_id: bytes(&span.id),
                    parent_span_id: bytes(&span.parent),
                    name: span.name.clone(),
                    kind: span.kind as i32,
                    start_time_unix_nano: span.start_ns,
                    end_time_unix_nano: span.end_ns,
                    attributes: span
                        .attributes
                        .iter()
                        .map(|(key, value)| match value.parse() {
                            Ok(number) => pair(key, Value::Number(number)),
                            Err(_) => pair(key, Value::Text(value.clone())),
                        })
                        .collect(),
                    status: span.failed.then_some(Status { code: ERROR }),
                }],
            }],
        });
        let request = ExportTraceServiceRequest { resource_spans: resource_spans.collect() };
        [HEADER, SAMPLED, STANDARD.encode(request.encode_to_vec()).as_bytes()].concat()
    }

    #[test]
    fn a_datagram_of_another_kind_is_refused_with_the_reason() {
        let reason = |bytes: &[u8]| spans(bytes).expect_err("refused").to_string();
        assert_eq!(reason(b"{}"), "the datagram has another header");
        assert_eq!(reason(&[HEADER, b"T1U"].concat()), "the datagram has no sampled spans");
        assert_eq!(reason(&[HEADER, SAMPLED, b"%"].concat()), "the datagram is not base64");
        assert_eq!(reason(&[HEADER, SAMPLED, b"/w=="].concat()), "the datagram is not OTLP");
    }
}
