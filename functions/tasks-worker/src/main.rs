//! Tasks queue: runs each task and stores its outcome.
use app_core::{Need, interfaces::queue};

fn main() -> Result<(), queue::RuntimeError> {
    queue::main(&[Need::Database, Need::Limits.rarely()], tasks_worker::SOURCE, tasks_worker::handler)
}
