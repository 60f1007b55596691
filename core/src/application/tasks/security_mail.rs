//! Tells a user that somebody else may be at their account.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FOR_DAYS, Task, TaskContext, mail};
use crate::{domain::Result, infrastructure::repository::api_keys};

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
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let name = context.services().project_name;
        let (subject, text) = match self.notice {
            Notice::SessionReused => (
                format!("You have been signed out of {name} on one device"),
                format!(
                    "Hello,\n\nsomebody used an old sign-in of yours at {name} a second time. It may have been \
                     copied, so we have ended that session. Your other sessions stay signed in.\n\nIf this was \
                     not you, change your password. This ends all other sessions and revokes all API keys.\n"
                ),
            ),
            Notice::SignInSlowed => (
                format!("Many failed sign-ins to your account at {name}"),
                format!(
                    "Hello,\n\nsomebody has tried many wrong passwords for your account at {name}. We now accept \
                     only a few attempts a minute from places where you have not signed in before. If the \
                     attempts came from places where you signed in recently, we limit these places instead. \
                     Devices that are signed in are not affected.\n\nYou do not need to do anything. If you \
                     use the same password elsewhere, change it. If you change it, we also forget the places \
                     where you have signed in.\n"
                ),
            ),
            Notice::ApiKeyCreated => {
                let key = self.describe_key(context).await?;
                (
                    format!("A new API key for your account at {name}"),
                    format!(
                        "Hello,\n\nsomebody who was signed in as you created an API key for your account at \
                         {name}.\n{key}\nIf this was not you, change your password. This ends all other sessions \
                         and revokes all API keys.\n"
                    ),
                )
            }
        };
        mail::send(context, self.user, subject, text).await
    }
}

impl SecurityMail {
    /// Returns the lines that say which key it is. The list of keys shows the same name and id. Its creator
    /// chose the name, so the mail says so.
    async fn describe_key(&self, context: &TaskContext<'_>) -> Result<String> {
        let Some(key) = &self.key else { return Ok(String::new()) };
        let name = api_keys::find_name(context.conn()?, self.user, key).await?;
        let named = name.map(|name| format!("Name, as it was typed: {name}\n")).unwrap_or_default();
        Ok(format!("\n{named}Id: {key}\n"))
    }
}
