//! A daemon that receives spans, and what holds for the spans of every trace: they nest, and their times add up.

use std::{collections::HashMap, net::UdpSocket, time::Duration};

use app_core::telemetry;
use xtask::traces::{self, Kind, Span};

/// A daemon on the loopback address.
#[derive(Debug)]
pub struct Daemon(UdpSocket);

impl Daemon {
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        Self(socket)
    }

    pub fn address(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }

    pub fn socket(&self) -> &UdpSocket {
        &self.0
    }

    /// The spans of this test's own thread come here, too, as those of this function.
    pub fn listen_to_this_test(&self, function: &str) {
        telemetry::send_spans_to(self.0.local_addr().expect("an address"), function);
    }

    /// Returns the spans of each datagram that has arrived.
    pub fn received(&self) -> Vec<Vec<Span>> {
        let mut found = Vec::new();
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = self.0.recv(&mut buffer) {
            found.push(traces::spans(&buffer[..length]).expect("a datagram"));
        }
        found
    }
}

/// Expects that the spans are one tree below `root`, the id of a span, and that the times of each function add up.
///
/// A span lies within its parent. A message is handled in another invocation, so its span only begins after its parent.
/// The first span of an invocation has the attribute `request_id`. The function may be the same: a mail is tried again.
/// Parts of one span follow each other, so they take no longer than it.
#[track_caller]
pub fn nest(spans: &[Span], root: &str) {
    let by_id: HashMap<&str, &Span> = spans.iter().map(|span| (&*span.id, span)).collect();
    assert_eq!(by_id.len(), spans.len(), "an id is used twice");
    let mut children: HashMap<&str, Vec<&Span>> = HashMap::new();
    for span in spans {
        assert!(span.start_ns <= span.end_ns, "it ends before it begins: {span:?}");
        if span.id == root {
            continue;
        }
        let parent = by_id.get(&*span.parent).unwrap_or_else(|| panic!("no parent: {span:?} in {spans:#?}"));
        assert!(span.start_ns >= parent.start_ns, "{span:?} begins before {parent:?}");
        if span.kind == Kind::Consumer && span.attributes.contains_key("request_id") {
            continue;
        }
        assert_eq!(span.function, parent.function, "{span:?} in {parent:?}");
        assert!(span.end_ns <= parent.end_ns, "{span:?} ends after {parent:?}");
        children.entry(&parent.id).or_default().push(span);
    }
    for (parent, mut parts) in children {
        let parent = by_id[parent];
        parts.sort_by_key(|part| part.start_ns);
        for pair in parts.windows(2) {
            assert!(pair[0].end_ns <= pair[1].start_ns, "at the same time: {pair:?}");
        }
        let took = |span: &Span| span.end_ns - span.start_ns;
        let sum: u64 = parts.iter().map(|part| took(part)).sum();
        assert!(sum <= took(parent), "the parts of {parent:?} take {sum} ns");
    }
}
