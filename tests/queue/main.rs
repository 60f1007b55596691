//! Queue functions, called as Lambda calls them: a batch of `events/` in, the failed records out.

mod batch;
mod events_consumer;
mod outbox_relay;
mod support;
mod tasks_worker;
