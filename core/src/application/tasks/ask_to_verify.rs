//! Asks for the mail that confirms an address, for a user who was refused because it is not confirmed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, Task, TaskContext, send_challenge::SendChallenge};
use crate::{
    domain::{Result, auth::challenge::Purpose, users::Email},
    infrastructure::repository::{
        challenges::{self, NewChallenge},
        users,
    },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskToVerify {
    pub user: Uuid,
}

impl Task for AskToVerify {
    const NAME: &'static str = "ask_to_verify";

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let now = context.services().clock.now();
        let conn = context.conn()?;
        let address = match users::has_verified_email(conn, self.user).await? {
            true => None,
            false => users::find_address(conn, self.user).await?,
        };
        let Some(Ok(email)) = address.map(|address| Email::parse(&address.typed)) else {
            return Ok(json!({}));
        };
        let id = Uuid::now_v7();
        let tx = context.tx().await?;
        let new = NewChallenge {
            id,
            purpose: Purpose::VerifyEmail,
            user: Some(self.user),
            subject: email.canonical(),
            data: &json!({}),
            binding: None,
            now,
        };
        challenges::ask(&*tx, &new).await?;
        Enqueue::new(&SendChallenge { challenge: id })?.write(tx).await?;
        Ok(json!({}))
    }
}
