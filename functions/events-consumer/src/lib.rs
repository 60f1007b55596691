//! Events queue: hands each event to its handlers (`application/handlers.rs` is the table).

use std::time::Instant;

use app_core::{
    App, Result, application::events, infrastructure::messaging::Outgoing, interfaces::queue::Record,
};

pub async fn handler(app: App, record: Record, _: Instant) -> Result<Vec<Outgoing>> {
    events::handle_message(app.db()?, app.handlers(), &record.body, &record.message_id).await
}
