//! Tells a user that somebody else may be at their account.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Enqueue, FOR_DAYS, Task, TaskContext,
    mail::{self, Outcome},
    sms,
};
use crate::{
    application::mails::{Factor, KeyId, Template, TextMessage, Typed},
    domain::Result,
    infrastructure::{
        messaging::Queue,
        repository::{api_keys, credentials, phones, sessions},
    },
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
    /// A signed-in user changed the password.
    PasswordChanged,
    /// A phone number was added to the account.
    PhoneAdded,
    /// The phone number of the account was removed.
    PhoneRemoved,
    /// Somebody signed up with the address or the number, which has this account.
    AccountExists,
    /// Somebody signed in at a place where the user has not signed in lately.
    NewDevice,
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
    /// The id of the session that the notice is about. Its row has the time and the network address: messages carry no
    /// personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// How often a text message is tried.
const TEXTS: i32 = 5;

impl Task for SecurityMail {
    const NAME: &'static str = "security_mail";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let template = match self.notice {
            Notice::SessionReused => Template::SessionReused {},
            Notice::SignInSlowed => Template::SignInSlowed {},
            Notice::PasswordReset => Template::PasswordReset {},
            Notice::PasswordChanged => Template::PasswordChanged {},
            Notice::PhoneAdded => Template::FactorAdded { factor: Factor::Phone },
            Notice::PhoneRemoved => Template::FactorRemoved { factor: Factor::Phone },
            Notice::AccountExists => {
                return self.tell_of_account(context).await.map(Outcome::to_json);
            }
            Notice::ApiKeyCreated => self.describe_key(context).await?,
            Notice::NewDevice => match self.describe_session(context).await? {
                Some(template) => template,
                None => return Ok(Outcome::Left("the session is gone").to_json()),
            },
        };
        Ok(mail::send(context, self.user, &template).await?.to_json())
    }
}

impl SecurityMail {
    /// Returns the task for a notice that names nothing. The user owns it.
    pub fn about(user: Uuid, notice: Notice) -> Result<Enqueue<Self>> {
        Self { user, notice, key: None, session: None }.owned()
    }

    /// Returns the task for an API key that was made.
    pub fn about_key(user: Uuid, key: &str) -> Result<Enqueue<Self>> {
        Self { user, notice: Notice::ApiKeyCreated, key: Some(key.to_owned()), session: None }.owned()
    }

    /// Returns the task for a session that was opened at a new place.
    pub fn about_session(user: Uuid, session: &str) -> Result<Enqueue<Self>> {
        Self { user, notice: Notice::NewDevice, key: None, session: Some(session.to_owned()) }.owned()
    }

    fn owned(&self) -> Result<Enqueue<Self>> {
        Ok(Enqueue::new(self)?.owner(self.user))
    }

    /// Says that there is an account: by mail, which costs nothing, and to an account that has only a number by a text
    /// message.
    async fn tell_of_account(&self, context: &mut TaskContext<'_>) -> Result<Outcome> {
        let conn = context.conn()?;
        let known = credentials::find(conn, self.user).await?;
        if !known.is_some_and(|known| known.may_sign_in) {
            return Ok(Outcome::Left("the user may not sign in"));
        }
        let Some(phone) = phones::only_handle(conn, self.user).await? else {
            return mail::send(context, self.user, &Template::AccountExists {}).await;
        };
        // A person who signs up waits for minutes, not for days. A failed attempt may have sent the message, and cost money.
        if context.attempt() > TEXTS {
            return Ok(Outcome::Left("too late for a text message"));
        }
        let is_sent = sms::send(context, context.id(), &phone, &TextMessage::AccountExists).await?;
        Ok(if is_sent { Outcome::Sent } else { Outcome::Left("text messages are stopped") })
    }

    /// Says when and from where somebody signed in. Returns `None` if the session is gone.
    async fn describe_session(&self, context: &TaskContext<'_>) -> Result<Option<Template>> {
        let Some(session) = &self.session else { return Ok(None) };
        let start = sessions::find_start(context.conn()?, self.user, session).await?;
        Ok(start.map(|(at, address)| Template::NewDevice { address, at }))
    }

    /// Says which key it is. The list of keys shows the same name and id.
    async fn describe_key(&self, context: &TaskContext<'_>) -> Result<Template> {
        let Some(key) = &self.key else { return Ok(Template::ApiKeyCreated { key: None, name: None }) };
        let name = api_keys::find_name(context.conn()?, self.user, key).await?;
        Ok(Template::ApiKeyCreated { key: KeyId::parse(key), name: name.map(Typed::new) })
    }
}
