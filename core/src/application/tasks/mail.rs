//! What tasks that write to a user share.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Mails, TaskContext};
use crate::{
    application::mails::{Recipient, Template},
    domain::{Error, Result, users::MailAddress},
    infrastructure::repository::users,
};

/// Sends a mail to a user who has an address, and returns what the task's result says of it.
///
/// It goes out under the task's id: if the process dies between the mail and the note that it was
/// sent, it is sent again, under the same Message-ID.
pub(super) async fn send(context: &TaskContext<'_>, user: Uuid, template: &Template) -> Result<Value> {
    let Some(stored) = users::find_address(context.conn()?, user).await? else {
        return Ok(json!({ "sent": false, "why": "the user has no address or is gone" }));
    };
    let address = MailAddress::stored(&stored.typed, stored.canonical.as_deref());
    let address = address.map_err(|why| Error::invalid("email", why))?;
    let recipient = if stored.is_proved { Recipient::proved(address) } else { Recipient::unproved(address) };
    send_to(context, &recipient, template).await
}

/// Sends a mail to an address, which need not be that of a user.
pub(super) async fn send_to(
    context: &TaskContext<'_>,
    recipient: &Recipient,
    template: &Template,
) -> Result<Value> {
    let Mails { mailer, style, .. } = context.services().mails()?;
    mailer.send(&style.compose(context.id(), recipient, template)?).await?;
    Ok(json!({ "sent": true }))
}
