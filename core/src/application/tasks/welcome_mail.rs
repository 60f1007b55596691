//! Greets a new user by mail: the example of a task with an effect outside of Postgres.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Job, Task};
use crate::{
    domain::{Error, Result, users::Email},
    infrastructure::{mail::Mail, repository::users},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WelcomeMail {
    /// Who it is for. Not the address: messages carry no personal data, and it may have changed.
    pub user: Uuid,
}

impl Task for WelcomeMail {
    const NAME: &'static str = "welcome_mail";

    async fn run(self, job: &mut Job<'_>) -> Result<Value> {
        let Some(address) = users::find_address(job.conn()?, self.user).await? else {
            return Ok(json!({ "sent": false, "why": "the user has no address, or is gone" }));
        };
        let name = job.outside().project_name;
        let mail = Mail::new(
            // The task's id: if the process dies between the mail and the note that it was sent, it
            // is sent again, under the same Message-ID.
            job.id(),
            Email::parse(&address).map_err(|why| Error::invalid("email", why))?,
            format!("Welcome to {name}"),
            format!("Hello,\n\nyour account at {name} is ready.\n"),
        )?;
        job.outside().mailer.send(&mail).await?;
        Ok(json!({ "sent": true }))
    }
}
