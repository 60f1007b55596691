//! Mail queue: runs each task that sends mail and stores its outcome.
use app_core::{Need, interfaces::queue};

fn main() -> Result<(), queue::RuntimeError> {
    queue::main(&[Need::Database, Need::Mail, Need::Challenges], mail_worker::SOURCE, mail_worker::handler)
}
