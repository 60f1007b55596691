//! Mail queue: runs each task that sends a mail or a text message, and stores its outcome. Only this function links
//! the clients for both.

use std::time::Instant;

use app_core::{
    App, Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{Record, Source},
};

/// Handles tasks one at a time, because a mail server may take long to reply.
pub const SOURCE: Source = Source { queue: Queue::Mail, together: false };

pub async fn handler(app: App, records: Vec<Record>, end: Instant) -> Result<Vec<Outgoing>> {
    let worker = app.mail_worker()?;
    let mut outgoing = Vec::new();
    for record in &records {
        outgoing.extend(worker.run(record.delivery(), end).await?);
    }
    Ok(outgoing)
}
