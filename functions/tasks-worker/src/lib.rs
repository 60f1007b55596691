//! Tasks queue: runs each task (`application/tasks/`) and stores its outcome.

use std::time::Instant;

use app_core::{
    App, Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{Record, Source},
};

/// Handles tasks one at a time, because a task may take long and each has its own transaction.
pub const SOURCE: Source = Source { queue: Queue::Tasks, together: false };

pub async fn handler(app: App, records: Vec<Record>, end: Instant) -> Result<Vec<Outgoing>> {
    let worker = app.worker()?;
    let mut outgoing = Vec::new();
    for record in &records {
        outgoing.extend(worker.run(record.delivery(), end).await?);
    }
    Ok(outgoing)
}
