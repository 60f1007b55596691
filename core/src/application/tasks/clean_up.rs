//! Removes what has had its time: once a day, a schedule asks for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Enqueue, Job, Task};
use crate::{
    domain::Result,
    infrastructure::repository::clean_up::{BATCH, Expired, delete},
};

/// The rest that there was no time for waits this long.
const PAUSE: Duration = Duration::from_secs(60);

/// What is kept for how long stands in `infrastructure/repository/clean_up.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CleanUp {}

impl Task for CleanUp {
    const NAME: &'static str = "clean_up";

    async fn run(self, job: &mut Job<'_>) -> Result<Value> {
        let mut deleted = Map::new();
        let (mut done, reserve) = (true, job.time_left() / 4);
        for what in Expired::ALL {
            // Each batch commits by itself: locks are short, and what is gone stays gone. One of each
            // kind is always deleted, so that every run gets on.
            let mut rows = delete(job.conn()?, what).await?;
            let mut full = rows == BATCH;
            while full && job.time_left() > reserve {
                let batch = delete(job.conn()?, what).await?;
                rows += batch;
                full = batch == BATCH;
            }
            done &= !full;
            deleted.insert(what.table().to_owned(), json!(rows));
        }
        if !done {
            Enqueue::new(&self)?.unique("rest").delay(PAUSE).write(job.tx().await?).await?;
        }
        let result = json!({ "deleted": deleted, "done": done });
        tracing::info!(%result, "cleaned up");
        Ok(result)
    }
}
