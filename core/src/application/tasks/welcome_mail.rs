//! Greets a new user by mail: the example of a task with an effect outside of Postgres.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FOR_DAYS, Task, TaskContext, mail};
use crate::{application::mails::Template, domain::Result, infrastructure::messaging::Queue};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WelcomeMail {
    /// Who it is for. Not the address: messages carry no personal data, and it may have changed.
    pub user: Uuid,
}

impl Task for WelcomeMail {
    const NAME: &'static str = "welcome_mail";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        Ok(mail::send(context, self.user, &Template::Welcome {}).await?.to_json())
    }
}
