//! Sends the events that go to Kafka from the outbox, all the time.
use app_core::{Need, interfaces::job};

fn main() -> Result<(), job::RuntimeError> {
    job::main(&[Need::Database, Need::Kafka], outbox_relay_kafka::handler)
}
