//! Invoked by an operator: shows the outbox, unparks messages, changes tasks and roles, flushes cached values.
use app_core::{Need, interfaces::invocation};

fn main() -> Result<(), invocation::RuntimeError> {
    invocation::main(&[Need::Database, Need::KeyValue], operations::handler)
}
