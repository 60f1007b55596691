//! The spans of one request or message: which are open, and which have ended and wait to be sent.

use std::{cell::RefCell, num::NonZeroU64, time::Instant};

use uuid::Uuid;

use super::{
    Kind, Value,
    otlp::Span,
    sender::{MAX_SPANS, Sender},
};
use crate::telemetry::TraceContext;

/// Records from its creation until it is dropped. The span of the whole work, the parent of all others, lasts as long.
#[derive(Debug)]
pub(in crate::telemetry) struct Recorder {
    sender: &'static Sender,
    trace: TraceContext,
    began: Instant,
    /// The time of `began` in nanoseconds since 1970. The other times are counted from it, so they nest exactly.
    began_ns: u64,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    root: Open,
    /// The spans that have others in them, from the outside to the inside.
    nested: Vec<NonZeroU64>,
    last_id: NonZeroU64,
    /// Spans that have ended, as they will be sent.
    ended: Vec<u8>,
}

/// A span that has begun.
#[derive(Debug)]
pub(in crate::telemetry) struct Open {
    id: NonZeroU64,
    parent: Option<NonZeroU64>,
    kind: Kind,
    name: String,
    start_ns: u64,
    pub(in crate::telemetry) attributes: Vec<(&'static str, Value)>,
    pub(in crate::telemetry) failed: bool,
}

impl Recorder {
    /// Begins to record if this function sends spans and the trace is sampled.
    pub(in crate::telemetry) fn begin(
        trace: TraceContext,
        kind: Kind,
        id: &str,
        name: impl FnOnce() -> String,
    ) -> Option<Box<Self>> {
        let sender = Sender::get()?;
        if !trace.sampled {
            return None;
        }
        let began_ns = now_ns();
        // Ids count from a random number, so one call to the system is enough for all.
        let last_id = NonZeroU64::new(Uuid::new_v4().as_u64_pair().1).unwrap_or(NonZeroU64::MIN);
        let attributes = vec![("request_id", Value::Text(id.to_owned()))];
        let parent = trace.parent;
        let root =
            Open { id: last_id, parent, kind, name: name(), start_ns: began_ns, attributes, failed: false };
        let state = State { root, nested: vec![last_id], last_id, ended: Vec::new() };
        Some(Box::new(Self { sender, trace, began: Instant::now(), began_ns, state: RefCell::new(state) }))
    }

    /// Returns the place of work that begins now: in this trace, caused by the innermost open span.
    pub(in crate::telemetry) fn context(&self) -> TraceContext {
        TraceContext { parent: self.state.borrow().nested.last().copied(), ..self.trace }
    }

    /// Begins a span in the innermost open one.
    pub(in crate::telemetry) fn open(&self, kind: Kind, name: String) -> Open {
        let start_ns = self.now_ns();
        let mut state = self.state.borrow_mut();
        state.last_id = state.last_id.checked_add(1).unwrap_or(NonZeroU64::MIN);
        let (id, parent) = (state.last_id, state.nested.last().copied());
        Open { id, parent, kind, name, start_ns, attributes: Vec::new(), failed: false }
    }

    /// Lets spans that begin from now on be in this one.
    pub(in crate::telemetry) fn enter(&self, open: &Open) {
        self.state.borrow_mut().nested.push(open.id);
    }

    pub(in crate::telemetry) fn end(&self, open: &Open) {
        let end_ns = self.now_ns();
        let mut state = self.state.borrow_mut();
        state.nested.retain(|id| *id != open.id);
        self.write(&mut state.ended, open, end_ns);
    }

    /// Changes the span of the whole request or message.
    pub(in crate::telemetry) fn note(&self, change: impl FnOnce(&mut Open)) {
        change(&mut self.state.borrow_mut().root);
    }

    fn write(&self, ended: &mut Vec<u8>, open: &Open, end_ns: u64) {
        let Open { id, parent, kind, name, start_ns, attributes, failed } = open;
        let before = ended.len();
        let span = Span {
            trace: self.trace.id,
            id: id.get(),
            parent: *parent,
            name,
            kind: *kind,
            start_ns: *start_ns,
            end_ns,
            attributes,
            failed: *failed,
        };
        span.write(ended);
        if ended.len() > MAX_SPANS {
            // The newest one begins the next datagram.
            self.sender.send(&ended[..before]);
            ended.drain(..before);
        }
    }

    fn now_ns(&self) -> u64 {
        let since = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.began_ns.saturating_add(since)
    }
}

/// The work is done or was given up: its span ends, and all that wait are sent. Lambda freezes the process after the
/// response, so nothing is left for later.
impl Drop for Recorder {
    fn drop(&mut self) {
        let end_ns = self.now_ns();
        let mut state = self.state.borrow_mut();
        let State { root, ended, .. } = &mut *state;
        self.write(ended, root, end_ns);
        self.sender.send(ended);
    }
}

/// The time of the machine, also where a test moves the clock.
#[expect(clippy::disallowed_methods, reason = "a span has the time of the machine")]
fn now_ns() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or_default()
}
