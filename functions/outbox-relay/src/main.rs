//! Runs every minute: sends the messages for SQS that are still in the outbox.
use app_core::{Need, interfaces::invocation};

fn main() -> Result<(), invocation::RuntimeError> {
    invocation::main(&[Need::Database], outbox_relay::handler)
}
