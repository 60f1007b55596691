//! Events queue: passes each event to its event handlers.
use app_core::{Need, interfaces::queue};

fn main() -> Result<(), queue::RuntimeError> {
    queue::main(&[Need::Database], events_consumer::SOURCE, events_consumer::handler)
}
