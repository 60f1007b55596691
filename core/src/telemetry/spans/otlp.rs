//! Writes the few messages of OTLP that a span needs, in the wire format of Protocol Buffers. Most functions link no
//! prost, and this is smaller.
//!
//! The numbers are those of opentelemetry/proto/trace/v1/trace.proto. All are below 16, so each tag is one byte.

use std::num::NonZeroU64;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Kind, Value};
use crate::telemetry::TraceId;

/// What the daemon expects before the message: its own header, and the mark of spans that are sampled.
const HEADER: &str = "{\"format\":\"json\",\"version\":1}\nT1S";

/// Bytes of a text at most. Names and values are far shorter; a datagram must hold any span.
const MAX_TEXT: usize = 200;

/// The code of a status that says that a span failed.
const ERROR: u8 = 2;

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Span<'a> {
    pub(super) trace: TraceId,
    pub(super) id: u64,
    pub(super) parent: Option<NonZeroU64>,
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// Nanoseconds since 1970.
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) attributes: &'a [(&'static str, Value)],
    pub(super) failed: bool,
}

impl Span<'_> {
    /// Appends the span as a field of the message `ScopeSpans`.
    pub(super) fn write(&self, spans: &mut Vec<u8>) {
        let mut span = Vec::with_capacity(256);
        bytes(&mut span, 1, &self.trace.to_bytes());
        bytes(&mut span, 2, &self.id.to_be_bytes());
        if let Some(parent) = self.parent {
            bytes(&mut span, 4, &parent.get().to_be_bytes());
        }
        bytes(&mut span, 5, cut(self.name));
        number(&mut span, 6, self.kind as u64);
        fixed(&mut span, 7, self.start_ns);
        fixed(&mut span, 8, self.end_ns);
        for (key, value) in self.attributes {
            attribute(&mut span, 9, key, value);
        }
        if self.failed {
            bytes(&mut span, 15, &[3 << 3, ERROR]);
        }
        bytes(spans, 2, &span);
    }
}

/// Returns the message `Resource`, which names the function.
pub(super) fn resource(attributes: &[(&'static str, Value)]) -> Vec<u8> {
    let mut resource = Vec::new();
    for (key, value) in attributes {
        attribute(&mut resource, 1, key, value);
    }
    resource
}

/// Returns the datagram of these spans. Base64 makes four bytes of three.
pub(super) fn datagram(resource: &[u8], spans: &[u8]) -> String {
    let mut of_resource = Vec::with_capacity(resource.len() + spans.len() + 16);
    bytes(&mut of_resource, 1, resource);
    bytes(&mut of_resource, 2, spans);
    let mut request = Vec::with_capacity(of_resource.len() + 8);
    bytes(&mut request, 1, &of_resource);
    let mut datagram = String::with_capacity(HEADER.len() + request.len() / 3 * 4 + 4);
    datagram.push_str(HEADER);
    BASE64_STANDARD.encode_string(&request, &mut datagram);
    datagram
}

/// Writes the message `KeyValue`, whose value is a message `AnyValue`.
fn attribute(out: &mut Vec<u8>, field: u8, key: &str, value: &Value) {
    let (mut pair, mut any) = (Vec::new(), Vec::new());
    match value {
        Value::Text(text) => bytes(&mut any, 1, cut(text)),
        // A negative number is written as the unsigned one with the same bits.
        Value::Number(signed) => number(&mut any, 3, *signed as u64),
    }
    bytes(&mut pair, 1, key.as_bytes());
    bytes(&mut pair, 2, &any);
    bytes(out, field, &pair);
}

fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

fn fixed(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Seven bits a byte, the lowest first. The eighth bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Returns the beginning of a text, in whole characters.
fn cut(text: &str) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_a_byte() {
        let written = |value| {
            let mut out = Vec::new();
            varint(&mut out, value);
            out
        };
        assert_eq!([written(0), written(1), written(127)], [[0], [1], [127]]);
        assert_eq!([written(128), written(300)], [[0x80, 1], [0xac, 2]]);
        assert_eq!(written(u64::MAX), [[0xff; 9].as_slice(), &[1]].concat());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ä".repeat(150);
        assert_eq!(cut(&text).len(), MAX_TEXT);
        assert_eq!(cut(&format!("x{text}")).len(), MAX_TEXT - 1);
        assert_eq!(cut("short"), b"short");
    }
}
