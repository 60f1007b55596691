//! Asks for the mail that confirms an address, for a user who was refused because it is not confirmed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Task, TaskContext};
use crate::{
    application::challenges::Ask,
    domain::{Result, users::Email},
    infrastructure::repository::users,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskToVerify {
    pub user: Uuid,
}

impl Task for AskToVerify {
    const NAME: &'static str = "ask_to_verify";

    /// It asks for nothing if the user has asked so often that they have to wait. The mail has no code, because the
    /// client of the refused sign-in does not learn the id.
    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let conn = context.conn()?;
        let address = match users::has_verified_email(conn, self.user).await? {
            true => None,
            false => users::find_address(conn, self.user).await?,
        };
        let Some(Ok(email)) = address.map(|address| Email::parse(&address.typed)) else {
            return Ok(json!({}));
        };
        if !context.may_ask(self.user).await? {
            return Ok(json!({}));
        }
        let now = context.services().clock.now();
        Ask::to_verify(self.user, &email).link_only().write(context.tx().await?, now).await?;
        Ok(json!({}))
    }
}
