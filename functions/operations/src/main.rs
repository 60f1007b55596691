//! Invoked by an operator: shows the outbox, unparks messages, changes tasks and roles, flushes cached values.
use app_core::{Need, interfaces::job};

fn main() -> Result<(), job::RuntimeError> {
    job::main(&[Need::Database, Need::KeyValue], operations::handler)
}
