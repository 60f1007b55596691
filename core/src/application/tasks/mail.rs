//! What tasks that write to a user share.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Mails, TaskContext};
use crate::{
    application::mails::{Recipient, Template},
    domain::{
        Error, Result,
        users::{Email, MailAddress},
    },
    infrastructure::{db::Conn, repository::users},
};

/// Whether a mail was sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Sent,
    /// Not sent, for this reason.
    Left(&'static str),
}

impl Outcome {
    pub(super) fn is_sent(self) -> bool {
        matches!(self, Self::Sent)
    }

    /// Returns it as the result of a task.
    pub(super) fn to_json(self) -> Value {
        match self {
            Self::Sent => json!({ "sent": true }),
            Self::Left(why) => json!({ "sent": false, "why": why }),
        }
    }
}

/// Sends a mail to a user who has an address.
///
/// It goes out under the task's id: if the process dies between the mail and the note that it was
/// sent, it is sent again, under the same Message-ID.
pub(super) async fn send(context: &TaskContext<'_>, user: Uuid, template: &Template) -> Result<Outcome> {
    let Some(recipient) = find_recipient(context.conn()?, user).await? else {
        return Ok(Outcome::Left("the user has no address or is gone"));
    };
    send_to(context, &recipient, template).await
}

/// Returns where mail to a user goes; `None` without a user or without an address.
pub(super) async fn find_recipient(conn: &Conn, user: Uuid) -> Result<Option<Recipient>> {
    let Some(stored) = users::find_address(conn, user).await? else { return Ok(None) };
    let address = MailAddress::stored(&stored.typed, stored.canonical.as_deref());
    let address = address.map_err(|why| Error::invalid("email", why))?;
    Ok(Some(if stored.is_proved { Recipient::proved(address) } else { Recipient::unproved(address) }))
}

/// Returns where a mail to an address goes.
pub(super) fn address_of(email: &Email) -> Result<MailAddress> {
    MailAddress::stored(email.typed(), Some(email.canonical())).map_err(|why| Error::invalid("email", why))
}

/// Sends a mail to an address, which need not be that of a user.
pub(super) async fn send_to(
    context: &TaskContext<'_>,
    recipient: &Recipient,
    template: &Template,
) -> Result<Outcome> {
    let Mails { mailer, style, .. } = context.services().mails()?;
    mailer.send(&style.compose(context.id(), recipient, template)?).await?;
    Ok(Outcome::Sent)
}
