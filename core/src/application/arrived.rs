//! A message as its queue hands it over, and an event as its handlers get it.

use uuid::Uuid;

use crate::{
    domain::Result,
    infrastructure::messaging::envelope::{self, Trace},
    telemetry::{self, Kind, Scope, Span, TraceContext, note_failure},
};

/// A message as its queue hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    pub body: &'a str,
    /// The queue's id of the message. It is used if the message itself has no id.
    pub message_id: &'a str,
}

impl Delivery<'_> {
    /// Returns the scope of this message, which continues the trace of its sender.
    pub fn scope(self) -> Scope {
        scope(self.message_id, envelope::trace_of(self.body).context)
    }
}

/// An event as its handler gets it. The id is the same at each delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received<E> {
    pub id: Uuid,
    pub event: E,
    message_id: String,
    sender: Option<TraceContext>,
    /// Where its tasks belong: to the span of the handler, or else to the sender.
    context: Option<TraceContext>,
}

impl<E> Received<E> {
    pub(crate) fn new(id: Uuid, event: E, message_id: &str, trace: &Trace) -> Self {
        let (sender, context) = (trace.context, trace.context);
        Self { id, event, message_id: message_id.to_owned(), sender, context }
    }

    /// Runs `work` in the trace of this event, so that the tasks that it makes continue this trace. Without it they
    /// continue the trace of the batch, whose events belong to several.
    pub fn traced<T>(&self, work: impl FnOnce(&E) -> T) -> T {
        scope(&self.message_id, self.context).enter(|| work(&self.event))
    }

    /// Returns the same event, with what `read` makes of its data.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&E) -> Result<T>) -> Result<Received<T>> {
        let (id, event, message_id) = (self.id, read(&self.event)?, self.message_id.clone());
        Ok(Received { id, event, message_id, sender: self.sender, context: self.context })
    }

    /// Begins the span of a handler in the trace of this event. A message that runs alone is in its own trace already.
    /// Each event of a batch has another trace.
    pub(super) fn begin(&mut self, handler: &str) -> Option<HandlerSpan> {
        let own = context(&self.message_id, self.sender);
        if telemetry::trace().is_some_and(|current| current.id == own.id) {
            let span = Span::begin(Kind::Consumer, handler);
            self.context = telemetry::trace();
            return span.is_recorded().then_some(HandlerSpan::InTheMessages(span));
        }
        let scope = Scope::recorded(&self.message_id, own, Kind::Consumer, handler)?;
        self.context = Some(scope.context());
        Some(HandlerSpan::OfItsOwn(EventSpan(Some(Box::new(scope)))))
    }
}

/// The span of a handler, in the trace of one event.
#[must_use = "it ends when it is dropped"]
pub(super) enum HandlerSpan {
    /// A part of the message that is being worked on.
    InTheMessages(Span),
    /// Apart from the work, which is on a batch.
    OfItsOwn(EventSpan),
}

/// The span of a handler as a scope. If it is dropped before its end, it has failed, because the work was given up.
pub(super) struct EventSpan(Option<Box<Scope>>);

impl Drop for EventSpan {
    fn drop(&mut self) {
        if let Some(scope) = self.0.take() {
            scope.enter(note_failure);
        }
    }
}

impl HandlerSpan {
    /// Ends the span. It failed if the outcome is an error.
    pub(super) fn end<T>(self, outcome: &Result<T>) {
        match self {
            Self::InTheMessages(span) => span.end(outcome),
            Self::OfItsOwn(mut span) if outcome.is_ok() => drop(span.0.take()),
            Self::OfItsOwn(_) => {}
        }
    }
}

fn scope(message_id: &str, sender: Option<TraceContext>) -> Scope {
    Scope::new(message_id.to_owned(), context(message_id, sender))
}

/// A message without a trace begins one, which each delivery of the message continues.
fn context(message_id: &str, sender: Option<TraceContext>) -> TraceContext {
    sender.unwrap_or_else(|| {
        let is_sampled = telemetry::trace().is_none_or(|batch| batch.sampled);
        TraceContext::begin(envelope::id_of(message_id), is_sampled)
    })
}
