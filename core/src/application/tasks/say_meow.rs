//! The prototype's example task: says meow.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Task, TaskContext};
use crate::domain::Result;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SayMeow {
    /// The user to greet. It is missing when a schedule starts the task.
    #[serde(default)]
    pub to: Option<Uuid>,
}

impl Task for SayMeow {
    const NAME: &'static str = "say_meow";

    async fn run(self, _: &mut TaskContext<'_>) -> Result<Value> {
        tracing::info!(to = self.to.map(tracing::field::display), "meow");
        Ok(json!({ "said": "meow", "to": self.to }))
    }
}
