//! Mail queue: runs each task that sends a mail or a text message, and stores its outcome.
use app_core::{Need, interfaces::queue};
use mail_worker::{SOURCE, handler};

fn main() -> Result<(), queue::RuntimeError> {
    queue::main(&[Need::Database, Need::Mail, Need::Sms, Need::Challenges], SOURCE, handler)
}
