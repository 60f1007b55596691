//! A message as its queue hands it over, and an event as its handlers get it.

use uuid::Uuid;

use crate::{
    domain::Result,
    infrastructure::messaging::envelope::{self, Trace},
    telemetry::{self, Scope, TraceContext},
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
    context: Option<TraceContext>,
}

impl<E> Received<E> {
    pub(crate) fn new(id: Uuid, event: E, message_id: &str, trace: &Trace) -> Self {
        Self { id, event, message_id: message_id.to_owned(), context: trace.context }
    }

    /// Runs `work` in the trace of this event, so that the tasks that it makes continue this trace. Without it they
    /// continue the trace of the batch, whose events belong to several.
    pub fn traced<T>(&self, work: impl FnOnce(&E) -> T) -> T {
        scope(&self.message_id, self.context).enter(|| work(&self.event))
    }

    /// Returns the same event, with what `read` makes of its data.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&E) -> Result<T>) -> Result<Received<T>> {
        let (id, event, message_id) = (self.id, read(&self.event)?, self.message_id.clone());
        Ok(Received { id, event, message_id, context: self.context })
    }
}

/// A message without a trace begins one, which each delivery of the message continues.
fn scope(message_id: &str, context: Option<TraceContext>) -> Scope {
    let context = context.unwrap_or_else(|| {
        let is_sampled = telemetry::trace().is_none_or(|batch| batch.sampled);
        TraceContext::begin(envelope::id_of(message_id), is_sampled)
    });
    Scope::new(message_id.to_owned(), context)
}
