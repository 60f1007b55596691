//! What operators do to addresses: they fill in canonical forms, and give users another address.

use std::time::Instant;

use serde::Serialize;
use uuid::Uuid;

use super::{
    Users,
    walk::{BATCH, End},
};
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        users::Email,
    },
    infrastructure::repository::{
        audit,
        emails::{self, StoredEmail},
        sign_in_places,
    },
};

/// What became of the addresses that were looked at. Users are named by uuid.
#[derive(Debug, Default, Serialize)]
pub struct Canonicalised {
    pub rows: usize,
    /// The number of rows whose form has the letters of the address, in lower case. They cannot collide.
    pub filled: usize,
    /// Users whose form has other letters than the address. The address itself stays as it is.
    pub changed: Vec<Uuid>,
    /// Users who get no form, because another user has it.
    pub collisions: Vec<Collision>,
    /// Users who get no form, because the address is no longer accepted. They cannot sign in.
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
    pub with: Uuid,
}

/// What became of a user's address.
#[derive(Debug, Serialize)]
pub struct EmailSet {
    pub user: Uuid,
    /// false: it was so already, and nothing was noted.
    pub changed: bool,
}

impl Users<'_> {
    /// Gives the rows behind the id `after` their canonical form, unless another user has it. Without `change`
    /// it only reports what a run from the first row would do. Repeating it has no further effect.
    pub async fn canonicalise_emails(
        &self,
        change: bool,
        after: i64,
        deadline: Instant,
    ) -> Result<Canonicalised> {
        let end = End::before(deadline);
        let mut report = Canonicalised { next: Some(after), ..Canonicalised::default() };
        while let Some(after) = report.next {
            let batch = emails::after(&self.db.conn().await?, after, BATCH).await?;
            report.next = None;
            let mut filled = Vec::new();
            let mut is_over = false;
            for stored in batch {
                report.rows += 1;
                report.next = Some(stored.id);
                match Email::parse(&stored.typed) {
                    Err(_) => report.refused.push(stored.user),
                    Ok(email) if stored.keeps(&email) && stored.canonical.is_some() => {}
                    Ok(email) if stored.keeps(&email) => filled.push(stored),
                    Ok(email) => self.canonicalise(change, &stored, &email, &mut report).await?,
                }
                is_over = end.is_reached(report.named());
                if is_over {
                    break;
                }
            }
            report.filled += if change {
                usize::try_from(emails::fill(&self.db.conn().await?, &filled).await?).unwrap_or(filled.len())
            } else {
                filled.len()
            };
            if is_over {
                break;
            }
        }
        Ok(report)
    }

    async fn canonicalise(
        &self,
        change: bool,
        stored: &StoredEmail,
        email: &Email,
        report: &mut Canonicalised,
    ) -> Result<()> {
        let mut winner = self.winner(stored, email).await?;
        if winner.is_none() && change {
            match self.store(stored, email).await {
                Ok(true) => {}
                // Its owner has deleted or changed it since.
                Ok(false) => return Ok(()),
                // Another user has taken it since. If that user is gone again, the next run decides.
                Err(Error::AlreadyExists(_)) => match self.winner(stored, email).await? {
                    None => return Ok(()),
                    found => winner = found,
                },
                Err(error) => return Err(error),
            }
        }
        match winner {
            None => report.changed.push(stored.user),
            Some(with) => report.collisions.push(Collision { user: stored.user, with }),
        }
        Ok(())
    }

    /// Returns the other user who has the canonical form, or gets it in a run from the first row: the one
    /// for whom the index keeps it, or else the first. So a report and a change agree, in however many calls.
    async fn winner(&self, stored: &StoredEmail, email: &Email) -> Result<Option<Uuid>> {
        let mut holders = emails::holders(&self.db.conn().await?, email).await?;
        holders.retain(|other| other.id != stored.id && (other.keeps(email) || other.id < stored.id));
        Ok(holders.iter().find(|other| other.keeps(email)).or(holders.first()).map(|other| other.user))
    }

    async fn store(&self, stored: &StoredEmail, email: &Email) -> Result<bool> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if !emails::canonicalise(&tx, stored, email).await? {
            return Ok(false);
        }
        audit::record(&mut tx, &Entry::by_operator(Action::EmailCanonicalised, stored.user));
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a user another address, for a row that collides or is refused. Forgets where the user has signed in.
    ///
    /// # Errors
    /// `NotFound`. `AlreadyExists` with `email` when another user has the address, in whatever spelling.
    pub async fn set_email(&self, user: Uuid, email: &Email) -> Result<EmailSet> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        if !emails::lock(&tx, user).await? {
            return Err(Error::NotFound("user"));
        }
        let changed = emails::set(&tx, user, email).await?;
        if changed {
            // They may be named after the old address, which somebody else may have from now on.
            sign_in_places::forget(&tx, user, None).await?;
            audit::record(&mut tx, &Entry::by_operator(Action::EmailSet, user));
        }
        tx.commit().await?;
        Ok(EmailSet { user, changed })
    }
}
