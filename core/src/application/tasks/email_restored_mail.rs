//! Tells both addresses of an account that an old address has taken it back.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    FOR_DAYS, Task, TaskContext,
    mail::{self, Outcome},
};
use crate::{
    application::mails::{Recipient, Template},
    domain::{
        Result,
        auth::challenge::{Addresses, Purpose},
    },
    infrastructure::{messaging::Queue, repository::challenges},
};

/// Which address of the change is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// The one that the account has again.
    Restored,
    /// The one that the account has lost.
    Replaced,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmailRestoredMail {
    /// The link of the change. Its row has both addresses: messages carry no personal data.
    pub challenge: Uuid,
    #[schema(inline)]
    pub to: To,
}

impl Task for EmailRestoredMail {
    const NAME: &'static str = "email_restored_mail";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    /// Sends nothing when the row is gone: it has expired, or its user was erased.
    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let Some(challenge) = challenges::find(context.conn()?, self.challenge, Purpose::UndoEmail).await?
        else {
            return Ok(Outcome::Left("the change is too long ago, or its user is gone").to_json());
        };
        let addresses = Addresses::read(&challenge)?;
        let email = match self.to {
            To::Restored => addresses.email()?,
            To::Replaced => addresses.replaced()?,
        };
        let recipient = Recipient::proved(mail::address_of(&email)?);
        Ok(mail::send_to(context, &recipient, &Template::EmailRestored {}).await?.to_json())
    }
}
