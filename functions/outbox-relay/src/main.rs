//! Runs every minute: sends the messages for SQS that are still in the outbox.
use app_core::{Need, interfaces::job};

fn main() -> Result<(), job::RuntimeError> {
    job::main(&[Need::Database], outbox_relay::handler)
}
