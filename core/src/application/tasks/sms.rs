//! What tasks that send text messages share: nothing leaves without its place in the budgets.

use uuid::Uuid;

use super::TaskContext;
use crate::{
    application::mails::TextMessage,
    domain::{Result, users::Phone},
    infrastructure::{
        repository::{
            phones,
            text_messages::{self, NewText},
        },
        sms::Sms,
    },
};

/// Sends a text message. Returns whether it was sent: not to a country that is not on the list, to a range whose codes
/// nobody uses, or beyond the budgets of the day.
///
/// It is counted before it is sent, in its own transaction, and once for each `id`.
pub(super) async fn send(
    context: &mut TaskContext<'_>,
    id: Uuid,
    phone: &Phone,
    text: &TextMessage,
) -> Result<bool> {
    let services = context.services();
    let mails = services.mails()?;
    let Ok(country) = mails.texts.config.countries.of(phone) else { return Ok(false) };
    let (range, conn) = (phone.range(), context.conn()?);
    let is_proved = phones::holder(conn, phone).await?.is_some_and(|holder| holder.is_proved);
    // The alarm of template.base.yaml looks for lines that begin with these words.
    if text_messages::is_stopped(conn, &range, is_proved).await? {
        let range = range.as_str();
        tracing::error!(
            country,
            range,
            is_proved,
            "text message stopped: too few codes of this range were used"
        );
        return Ok(false);
    }
    let new = NewText { id, country, range: &range, is_proved, now: services.clock.now() };
    let tx = context.separate()?.begin().await?;
    if !text_messages::count(&tx, &new, mails.texts.config.budget).await? {
        tracing::error!(country, is_proved, "text message stopped: the budget of the day is used up");
        return Ok(false);
    }
    tx.commit().await?;
    mails.texts.senders.sms_sender()?.send(&Sms::new(phone.clone(), mails.style.text_message(text))).await?;
    Ok(true)
}
