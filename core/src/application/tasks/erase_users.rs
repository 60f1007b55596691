//! Erases the users whose grace period has ended: once a day, a schedule asks for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Enqueue, Task, TaskContext};
use crate::{
    application::users::erase::erase,
    domain::{Error, Result},
    infrastructure::repository::personal::{self, Due},
};

/// One look finds this many.
const PAGE: i64 = 100;

/// The rest that there was no time for waits this long.
const PAUSE: Duration = Duration::from_secs(60);

/// Erases the users whose grace period has ended, each in a separate transaction. If a run dies, the next run
/// erases the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EraseUsers {}

impl Task for EraseUsers {
    const NAME: &'static str = "erase_users";

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let services = context.services();
        let before = services.clock.now() - services.deletion_grace;
        let reserve = context.time_left() / 4;
        let (mut erased, mut failed, mut last, mut done) = (0_u64, 0_u64, None::<Due>, false);
        while !done && context.time_left() > reserve {
            let page = personal::due(context.conn()?, before, last, PAGE).await?;
            done = page.len() < PAGE as usize;
            for due in page {
                if context.time_left() <= reserve {
                    done = false;
                    break;
                }
                last = Some(due);
                match erase(context.separate()?, due.user, before).await {
                    Ok(true) => erased += 1,
                    // Restored, or erased by an administrator, since it was read.
                    Ok(false) => {}
                    // The others would only fail with the same connection.
                    Err(error) if context.conn()?.is_lost() => return Err(error),
                    // One user who cannot be erased must not keep the others for ever.
                    Err(error) => {
                        let (user, error) = (due.user, error.chain());
                        tracing::error!(%user, error, "a user could not be erased");
                        failed += 1;
                    }
                }
            }
        }
        let result = json!({ "erased": erased, "failed": failed, "done": done });
        tracing::info!(%result, "erased users");
        if failed > 0 {
            return Err(Error::internal(format!("{failed} users could not be erased; the log names them")));
        }
        if !done {
            Enqueue::new(&self)?.unique("rest").delay(PAUSE).write(context.tx().await?).await?;
        }
        Ok(result)
    }
}
