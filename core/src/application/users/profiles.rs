//! Profiles from before their texts were checked.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Users;
use crate::{
    domain::{
        Result,
        audit::{Action, Entry},
    },
    infrastructure::repository::{
        audit,
        profiles::{self, Profile},
    },
};

/// Rows that one statement reads.
const BATCH: i64 = 1_000;
/// A report names at most this many users.
const MOST_NAMED: usize = 1_000;
/// Left for the response when the work stops at the deadline.
const RESERVE: Duration = Duration::from_secs(5);

/// The result of a check. Users are named by uuid, and no value is shown.
#[derive(Debug, Default, Serialize)]
pub struct Checked {
    pub rows: usize,
    pub refused: Vec<Refused>,
    /// There are more: call again with this as `after`.
    pub next: Option<i64>,
}

/// The columns of a user whose values the API no longer accepts.
#[derive(Debug, Serialize)]
pub struct Refused {
    pub user: Uuid,
    pub columns: Vec<&'static str>,
}

impl Users<'_> {
    /// Reports the rows behind the id `after` whose texts or photo the API no longer accepts. With `change`
    /// it cleans them: it empties such a photo, and makes one line of such a text.
    pub async fn check_profiles(&self, change: bool, after: i64, deadline: Instant) -> Result<Checked> {
        let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let mut report = Checked { next: Some(after), ..Checked::default() };
        while let Some(after) = report.next {
            let batch = profiles::after(&self.db.conn().await?, after, BATCH).await?;
            report.next = None;
            for stored in batch {
                report.rows += 1;
                report.next = Some(stored.id);
                let clean = stored.cleaned();
                let columns = stored.differences(&clean);
                if !columns.is_empty() && (!change || self.clean(&stored, &clean, &columns).await?) {
                    report.refused.push(Refused { user: stored.user, columns });
                }
                // After each row, not after each batch: a call that Lambda cuts off would lose the report.
                if Instant::now() >= end || report.refused.len() >= MOST_NAMED {
                    return Ok(report);
                }
            }
        }
        Ok(report)
    }

    /// Returns false if the user has changed the profile since it was read.
    async fn clean(&self, stored: &Profile, clean: &Profile, columns: &[&str]) -> Result<bool> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if !profiles::replace(&tx, stored, clean).await? {
            return Ok(false);
        }
        let entry = Entry::by_operator(Action::ProfileCleaned, stored.user);
        audit::record(&mut tx, &entry.with(json!({ "fields": columns })));
        tx.commit().await?;
        Ok(true)
    }
}
