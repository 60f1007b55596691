//! Tasks queue: runs each task (`application/tasks/`) and writes down what became of it.

use std::time::Instant;

use app_core::{
    App, Result, application::tasks, infrastructure::messaging::Outgoing, interfaces::queue::Record,
};

pub async fn handler(app: App, record: Record, end: Instant) -> Result<Vec<Outgoing>> {
    // After this invocation's end nobody can be at the task any more.
    let time_left = end.saturating_duration_since(Instant::now());
    tasks::run_message(app.db()?, app.handlers(), &record.body, &record.message_id, time_left).await
}
