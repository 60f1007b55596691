//! Sends the events that go to Kafka from the outbox, all the time.
use app_core::{Need, interfaces::invocation};

fn main() -> Result<(), invocation::RuntimeError> {
    invocation::main(&[Need::Database, Need::Kafka], outbox_relay_kafka::handler)
}
