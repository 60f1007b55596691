//! Profiles from before their texts were checked.

use std::time::Instant;

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Users,
    walk::{BATCH, End},
};
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
        let end = End::before(deadline);
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
                if end.is_reached(report.refused.len()) {
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
