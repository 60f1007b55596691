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

/// With less time than this left the rest is put off.
const RESERVE: Duration = Duration::from_secs(5);

/// What is kept for how long stands in `infrastructure/repository/clean_up.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CleanUp {}

impl Task for CleanUp {
    const NAME: &'static str = "clean_up";

    async fn run(self, job: &mut Job<'_>) -> Result<Value> {
        let mut deleted = Map::new();
        let mut done = true;
        for what in Expired::ALL {
            let mut rows = 0;
            loop {
                if job.time_left() < RESERVE {
                    done = false;
                    break;
                }
                // Each batch commits by itself: locks are short, and what is gone stays gone.
                let batch = delete(job.conn()?, what).await?;
                rows += batch;
                if batch < BATCH {
                    break;
                }
            }
            deleted.insert(what.table().to_owned(), json!(rows));
        }
        if !done {
            Enqueue::new(&self)?.unique("rest").write(job.tx().await?).await?;
        }
        let result = json!({ "deleted": deleted, "done": done });
        tracing::info!(%result, "cleaned up");
        Ok(result)
    }
}
