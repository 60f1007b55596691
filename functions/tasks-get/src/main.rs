//! `GET /api/v1/tasks/{uuid}/`: returns the status of a task.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], tasks_get::handler)
}
