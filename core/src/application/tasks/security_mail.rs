//! Tells a user that somebody else may be at their account.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FOR_DAYS, Task, TaskContext, mail};
use crate::{
    application::mails::{KeyId, Template, Typed},
    domain::Result,
    infrastructure::{messaging::Queue, repository::api_keys},
};

/// The reason for the mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A refresh token that had been replaced was used again, and its session was ended.
    #[default]
    SessionReused,
    /// So many sign-ins have failed that further ones have to wait.
    SignInSlowed,
    /// An API key was made.
    ApiKeyCreated,
    /// A new password was set by a link that was sent to this address.
    PasswordReset,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecurityMail {
    pub user: Uuid,
    #[serde(default)]
    #[schema(inline)]
    pub notice: Notice,
    /// The id of the key that the notice is about. Tasks of earlier versions name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Task for SecurityMail {
    const NAME: &'static str = "security_mail";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let template = match self.notice {
            Notice::SessionReused => Template::SessionReused {},
            Notice::SignInSlowed => Template::SignInSlowed {},
            Notice::PasswordReset => Template::PasswordReset {},
            Notice::ApiKeyCreated => self.describe_key(context).await?,
        };
        mail::send(context, self.user, &template).await
    }
}

impl SecurityMail {
    /// Says which key it is. The list of keys shows the same name and id.
    async fn describe_key(&self, context: &TaskContext<'_>) -> Result<Template> {
        let Some(key) = &self.key else { return Ok(Template::ApiKeyCreated { key: None, name: None }) };
        let name = api_keys::find_name(context.conn()?, self.user, key).await?;
        Ok(Template::ApiKeyCreated { key: KeyId::parse(key), name: name.map(Typed::new) })
    }
}
