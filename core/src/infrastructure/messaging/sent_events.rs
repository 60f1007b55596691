//! Events that were sent, and whether a handler has handled them. The outbox knows the first for nine days, the
//! inbox the second.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::envelope;
use crate::{
    domain::Result,
    infrastructure::db::{Parameter, Sql, column},
};

/// One statement reads this many.
pub const PAGE: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentEvent {
    pub id: Uuid,
    pub sent_at: OffsetDateTime,
    /// At least one handler has handled it.
    pub handled: bool,
}

/// Public for the test that asks Postgres for its plan.
pub const SENT: &str = "
    -- Materialized: the look into the inbox is for these rows only.
    with page as materialized (
      select id, published_at from outbox
      where published_at >= statement_timestamp() - $1 * interval '1 second'
        and published_at < statement_timestamp() - $2 * interval '1 second'
        and queue = 'events' and (published_at, id) > ($3, $4)
      order by published_at, id limit $5)
    select id, published_at,
           exists (select from inbox where handler = any ($6) and message_id = page.id) as handled
    from page order by published_at, id";

/// Returns events that were sent at most `oldest` and at least `newest` ago, in the order of their sending, from
/// behind `after` on.
pub async fn list(
    sql: &impl Sql,
    handlers: &[&str],
    oldest: Duration,
    newest: Duration,
    after: Option<SentEvent>,
) -> Result<Vec<SentEvent>> {
    let (sent_at, id) =
        after.map_or((OffsetDateTime::UNIX_EPOCH, Uuid::nil()), |event| (event.sent_at, event.id));
    let params: [&dyn Parameter; 6] =
        [&oldest.as_secs_f64(), &newest.as_secs_f64(), &sent_at, &id, &(PAGE as i64), &handlers];
    let event = |row| {
        Ok(SentEvent {
            id: column(row, "id")?,
            sent_at: column(row, "published_at")?,
            handled: column(row, "handled")?,
        })
    };
    sql.rows(SENT, &params).await?.iter().map(event).collect()
}

/// Returns the name and the id of each of these events, for people.
pub async fn describe(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<String>> {
    let text = "select id, body from outbox where id = any ($1) order by published_at, id";
    let rows = sql.rows(text, &[&ids]).await?;
    let described = |row| {
        let name = envelope::name_of(column(row, "body")?).unwrap_or_else(|| "?".to_owned());
        Ok(format!("{name} {}", column::<Uuid>(row, "id")?))
    };
    rows.iter().map(described).collect()
}
