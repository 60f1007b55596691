//! Deletes expired rows. A schedule starts it once a day.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Enqueue, Task, TaskContext};
use crate::{
    domain::{Error, Result},
    infrastructure::repository::clean_up::{BATCH, Expired, delete},
};

/// The delay of the next run, if there was no time to delete all.
const PAUSE: Duration = Duration::from_secs(60);

/// Deletes old rows. `infrastructure/repository/clean_up.rs` has the lifetime of each table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CleanUp {}

impl Task for CleanUp {
    const NAME: &'static str = "clean_up";

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let mut deleted = Map::new();
        let mut failed = Vec::new();
        let (mut done, reserve) = (true, context.time_left() / 4);
        for what in Expired::ALL {
            match clean(context, what, reserve).await {
                Ok(cleaned) => {
                    done &= cleaned.done;
                    deleted.insert(what.table().to_owned(), json!(cleaned.rows));
                }
                // The other kinds would only fail with the same connection.
                Err(error) if context.conn()?.is_lost() => {
                    tracing::info!(deleted = %json!(deleted), "the clean-up stopped, its connection is lost");
                    return Err(error);
                }
                // One kind's failure must not keep the others for ever.
                Err(error) => failed.push(format!("{}: {}", what.table(), error.chain())),
            }
        }
        let result = json!({ "deleted": deleted, "done": done && failed.is_empty() });
        tracing::info!(%result, "deleted old rows");
        if !failed.is_empty() {
            return Err(Error::internal(format!("some tables were not cleaned: {}", failed.join("; "))));
        }
        if !done {
            Enqueue::new(&self)?.unique("rest").delay(PAUSE).write(context.tx().await?).await?;
        }
        Ok(result)
    }
}

struct Cleaned {
    rows: u64,
    /// No row of this kind is left.
    done: bool,
}

/// Deletes the expired rows of one kind, as long as more time than `reserve` is left. Each batch
/// commits separately: locks are short, and what is deleted stays deleted. One batch is always
/// deleted, so that every run makes progress.
async fn clean(context: &mut TaskContext<'_>, what: Expired, reserve: Duration) -> Result<Cleaned> {
    let mut cleaned = Cleaned { rows: 0, done: false };
    loop {
        let batch = delete(context.conn()?, what).await?;
        cleaned.rows += batch;
        cleaned.done = batch < BATCH;
        if cleaned.done || context.time_left() <= reserve {
            return Ok(cleaned);
        }
    }
}
