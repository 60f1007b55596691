//! What tasks that write to a user share.

use serde_json::{Value, json};
use uuid::Uuid;

use super::TaskContext;
use crate::{
    domain::{Error, Result, users::MailAddress},
    infrastructure::{mail::Mail, repository::users},
};

/// Sends a mail to a user who has an address, and returns what the task's result says of it.
///
/// It goes out under the task's id: if the process dies between the mail and the note that it was
/// sent, it is sent again, under the same Message-ID.
pub(super) async fn send(
    context: &TaskContext<'_>,
    user: Uuid,
    subject: String,
    text: String,
) -> Result<Value> {
    let Some(stored) = users::find_address(context.conn()?, user).await? else {
        return Ok(json!({ "sent": false, "why": "the user has no address or is gone" }));
    };
    let address = MailAddress::stored(&stored.typed, stored.canonical.as_deref());
    let address = address.map_err(|why| Error::invalid("email", why))?;
    context.services().mailer.send(&Mail::new(context.id(), address, subject, text)?).await?;
    Ok(json!({ "sent": true }))
}
