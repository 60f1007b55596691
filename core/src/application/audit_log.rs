//! Deletes old rows of the audit log when an operator asks for it.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        timestamp,
    },
    infrastructure::{
        db::Db,
        repository::{
            audit,
            audit_retention::{BATCH, kept_since, prune},
        },
    },
};

/// Transactions of one call. Each deletes up to [`BATCH`] rows and records it.
const MOST: u64 = 50;
/// Left for the response, and for the last statement, when the work stops at the deadline.
const RESERVE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
pub struct Pruned {
    /// How many rows this call deleted.
    pub pruned: u64,
    /// Whether another call would find more.
    pub more: bool,
}

/// Deletes rows from before this time (RFC 3339), as many as one call may.
///
/// # Errors
/// `Malformed` for a time from which rows are still kept.
pub async fn prune_before(db: &Db, before: &str, deadline: Instant) -> Result<Pruned> {
    let before = OffsetDateTime::parse(before, &Rfc3339)
        .map_err(|_| Error::Malformed("`before` must be a time, as in 2025-01-31T00:00:00Z".into()))?;
    let mut conn = db.conn().await?;
    let Some(since) = kept_since(&conn).await? else {
        let problem = "the audit log is kept for ever; set `days` in the table audit_retention first";
        return Err(Error::Malformed(problem.into()));
    };
    if before > since {
        let since = timestamp::text(since);
        let problem = format!("`before` must be at most {since}: the table audit_retention keeps later rows");
        return Err(Error::Malformed(problem.into()));
    }
    let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let mut report = Pruned { pruned: 0, more: true };
    for _ in 0..MOST {
        let mut tx = conn.begin().await?;
        let rows = prune(&tx, before).await?;
        // In the same transaction: a later one may fail, and nothing may be missing without a record of it.
        if rows > 0 {
            let details = json!({ "before": timestamp::text(before), "rows": rows });
            audit::record(&mut tx, &Entry::by_operator(Action::AuditLogPruned, None).with(details));
        }
        tx.commit().await?;
        report.pruned += rows;
        report.more = rows == BATCH;
        if !report.more || Instant::now() >= end {
            break;
        }
    }
    Ok(report)
}
