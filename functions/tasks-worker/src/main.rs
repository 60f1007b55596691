//! Tasks queue: runs each task and stores its outcome.
use app_core::{Need, interfaces::queue};

fn main() -> Result<(), queue::RuntimeError> {
    queue::main(&[Need::Database], tasks_worker::SOURCE, tasks_worker::handler)
}
