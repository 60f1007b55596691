//! Erases the users whose grace period has ended, and accounts that were never used: once a day, a schedule asks for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, Task, TaskContext, place};
use crate::{
    application::users::erase::{erase, erase_unused},
    domain::{Error, Result},
    infrastructure::repository::{
        personal::{PAGE, Whose},
        place::Place,
    },
};

/// The rest that there was no time for waits this long.
const PAUSE: Duration = Duration::from_secs(60);

/// Erases the users whose grace period has ended, each in a separate transaction. With `UNVERIFIED_ACCOUNT_DAYS` it also
/// erases accounts that nobody has proved or used for so long. If a run dies, the next run erases the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EraseUsers {
    /// Where this run begins among the accounts that may be unused: behind the last one of the run before. Those before
    /// it stay, and to look at them again would take the time of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many of those before it could not be erased.
    #[serde(default)]
    pub failed: u64,
}

impl Task for EraseUsers {
    const NAME: &'static str = "erase_users";

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let services = context.services();
        let now = services.clock.now();
        let mut run = Run { now, reserve: context.time_left() / 4, erased: 0, failed: 0 };
        let mut done = run.erase(context, Whose::Deleted, now - services.deletion_grace, &mut None).await?;
        // The rest tries deleted users again and counts them then.
        let of_deleted = run.failed;
        let mut reached = self.after.as_deref().map(place::read).transpose()?;
        if let Some(age) = services.unverified_accounts.filter(|_| done) {
            done = run.erase(context, Whose::Unused, now - age, &mut reached).await?;
        }
        let failed = self.failed + run.failed;
        let result = json!({ "erased": run.erased, "failed": failed, "done": done });
        tracing::info!(%result, "erased users");
        if !done {
            let rest = Self { after: reached.map(place::write), failed: failed - of_deleted };
            Enqueue::new(&rest)?.unique("rest").delay(PAUSE).write(context.tx().await?).await?;
        } else if failed > 0 {
            return Err(Error::internal(format!("{failed} users could not be erased; the log names them")));
        }
        Ok(result)
    }
}

struct Run {
    now: OffsetDateTime,
    /// Time that is left for the end of the task.
    reserve: Duration,
    erased: u64,
    failed: u64,
}

impl Run {
    /// Erases these users, if they have been candidates since `before` or longer. Begins behind `reached`, which then says
    /// how far it came. Returns whether there was time for all of them.
    async fn erase(
        &mut self,
        context: &mut TaskContext<'_>,
        whose: Whose,
        before: OffsetDateTime,
        reached: &mut Option<Place>,
    ) -> Result<bool> {
        while context.time_left() > self.reserve {
            let page = whose.page(context.conn()?, self.now, before, *reached).await?;
            let is_last = page.len() < PAGE;
            for candidate in page {
                if context.time_left() <= self.reserve {
                    return Ok(false);
                }
                *reached = Some(candidate.place);
                if candidate.is_due {
                    self.erase_one(context, whose, candidate.place.id, before).await?;
                }
            }
            if is_last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn erase_one(
        &mut self,
        context: &mut TaskContext<'_>,
        whose: Whose,
        user: Uuid,
        before: OffsetDateTime,
    ) -> Result<()> {
        let conn = context.separate()?;
        let erased = match whose {
            Whose::Deleted => erase(conn, user, before).await,
            Whose::Unused => erase_unused(conn, user, self.now, before).await,
        };
        match erased {
            Ok(true) => self.erased += 1,
            // Restored, used, or erased by an administrator, since it was read.
            Ok(false) => {}
            // The others would only fail with the same connection.
            Err(error) if context.conn()?.is_lost() => return Err(error),
            // One user who cannot be erased must not keep the others for ever.
            Err(error) => {
                let error = error.chain();
                tracing::error!(%user, error, "a user could not be erased");
                self.failed += 1;
            }
        }
        Ok(())
    }
}
