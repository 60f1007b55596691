//! Addresses that were stored before there was one canonical form.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde::Serialize;
use uuid::Uuid;

use super::Users;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        users::Email,
    },
    infrastructure::repository::{
        audit,
        users::{self, StoredEmail},
    },
};

/// Rows that one statement reads.
const BATCH: i64 = 1_000;
/// A report names at most this many users, and one batch more.
const MOST_NAMED: usize = 1_000;
/// Left for the response when the work stops at the deadline.
const RESERVE: Duration = Duration::from_secs(5);

/// What became of the addresses that were looked at. Users are named by uuid.
#[derive(Debug, Default, Serialize)]
pub struct Canonicalised {
    pub rows: usize,
    /// Stored in the canonical form now, or to be stored in it.
    pub changed: Vec<Uuid>,
    /// Left as they are: another user has the canonical form.
    pub collisions: Vec<Collision>,
    /// Left as they are: no longer accepted as an address. Their owners cannot sign in.
    pub refused: Vec<Uuid>,
    /// There are more: call again with this as `after`.
    pub next: Option<i64>,
}

impl Canonicalised {
    fn named(&self) -> usize {
        self.changed.len() + self.collisions.len() + self.refused.len()
    }
}

#[derive(Debug, Serialize)]
pub struct Collision {
    pub user: Uuid,
    pub with: Option<Uuid>,
}

impl Users<'_> {
    /// Looks at the addresses of users from `after` on, and stores those in the canonical form that
    /// do not collide. Without `change` it only reports. Repeating it has no further effect.
    pub async fn canonicalise_emails(
        &self,
        change: bool,
        after: i64,
        deadline: Instant,
    ) -> Result<Canonicalised> {
        let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let mut report = Canonicalised { next: Some(after), ..Canonicalised::default() };
        // Two spellings of one address may both be old. The first that is met gets the form.
        let mut taken = HashMap::new();
        while let Some(after) = report.next {
            let batch = users::emails_after(&self.db.conn().await?, after, BATCH).await?;
            report.next = None;
            for stored in batch {
                match Email::parse(&stored.text) {
                    Err(_) => report.refused.push(stored.user),
                    Ok(email) if email.as_str() == stored.text => {}
                    Ok(email) => self.canonicalise(change, &stored, &email, &mut taken, &mut report).await?,
                }
                report.rows += 1;
                report.next = Some(stored.id);
                // After each row, not after each batch: a call that Lambda cuts off would lose the report.
                if Instant::now() >= end || report.named() >= MOST_NAMED {
                    return Ok(report);
                }
            }
        }
        Ok(report)
    }

    async fn canonicalise(
        &self,
        change: bool,
        stored: &StoredEmail,
        email: &Email,
        taken: &mut HashMap<String, Uuid>,
        report: &mut Canonicalised,
    ) -> Result<()> {
        let user = stored.user;
        let free = if change {
            match self.store(stored, email).await {
                Ok(true) => true,
                // Its owner has deleted or changed it since.
                Ok(false) => return Ok(()),
                Err(Error::AlreadyExists(_)) => false,
                Err(error) => return Err(error),
            }
        } else {
            !taken.contains_key(email.as_str()) && self.holder(stored, email).await?.is_none()
        };
        if free {
            taken.insert(email.as_str().to_owned(), user);
            report.changed.push(user);
        } else {
            let with = match taken.get(email.as_str()) {
                Some(first) => Some(*first),
                None => self.holder(stored, email).await?,
            };
            report.collisions.push(Collision { user, with });
        }
        Ok(())
    }

    async fn store(&self, stored: &StoredEmail, email: &Email) -> Result<bool> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if !users::canonicalise_email(&tx, stored, email).await? {
            return Ok(false);
        }
        audit::record(&mut tx, &Entry::by_operator(Action::EmailCanonicalised, stored.user));
        tx.commit().await?;
        Ok(true)
    }

    async fn holder(&self, stored: &StoredEmail, email: &Email) -> Result<Option<Uuid>> {
        users::other_holder(&self.db.conn().await?, stored, email).await
    }
}
