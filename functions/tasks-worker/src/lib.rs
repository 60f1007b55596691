//! Tasks queue: runs each task (`application/tasks/`) and writes down what became of it.

use std::time::Instant;

use app_core::{App, Result, application::tasks, interfaces::queue::Record};

pub async fn handler(app: App, record: Record, deadline: Instant) -> Result<()> {
    // After this invocation's end nobody can be at the task any more.
    let time_left = deadline.saturating_duration_since(Instant::now());
    let outgoing =
        tasks::run_message(app.db()?, app.handlers(), &record.body, &record.message_id, time_left).await?;
    app.publish(&outgoing).await;
    Ok(())
}
