//! Why messages were refused. SQS moves them to the dead-letter queue unchanged and says nothing.

use tokio_postgres::types::Type;

use super::Queue;
use crate::{domain::Result, infrastructure::db::Sql};

/// Longer reasons are cut: the whole cause chain is in the log.
const MAX_REASON: i32 = 2000;

/// Notes why a message will end in the dead-letter queue. Returns whether this is news: a message
/// is refused several times before SQS moves it.
pub async fn note(
    conn: &impl Sql,
    queue: Queue,
    message_id: &str,
    name: Option<&str>,
    reason: &str,
) -> Result<bool> {
    let news = conn
        .execute(
            "insert into dead_letter (queue, message_id, name, reason) values ($1, $2, left($3, 200), left($4, $5))
             on conflict (queue, message_id) do nothing",
            &[
                (&queue.as_str(), Type::TEXT),
                (&message_id, Type::TEXT),
                (&name, Type::TEXT),
                (&reason, Type::TEXT),
                (&MAX_REASON, Type::INT4),
            ],
        )
        .await?;
    Ok(news > 0)
}
