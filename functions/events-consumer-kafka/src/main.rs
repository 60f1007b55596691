//! Events from a Kafka topic: passes each event to its event handlers.
use app_core::{Need, interfaces::queue};

fn main() -> Result<(), queue::RuntimeError> {
    queue::main_kafka(&[Need::Database], events_consumer_kafka::SOURCE, events_consumer_kafka::handler)
}
