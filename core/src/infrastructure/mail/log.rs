//! Where no server is configured: says what would have been sent.

use futures_util::{FutureExt, future::BoxFuture};

use super::{Mail, Mailer};
use crate::domain::Result;

#[derive(Debug)]
pub struct LogMailer;

impl Mailer for LogMailer {
    /// Neither the address nor the text: logs are read by more people than mailboxes.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>> {
        async move {
            tracing::info!(mail_id = %mail.id, subject = mail.subject(), "mail not sent because MAIL_URL is not set");
            Ok(())
        }
        .boxed()
    }
}
