//! What the owner of an account learns when many sign-ins have failed.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{Result, auth::events::SignInSlowed, event::Event},
    infrastructure::messaging::envelope::EventMessage,
};

/// Returns the event for an attempt that was the account's last one for a while. Its id follows from user and day, and
/// a message that is already in the outbox is not written again: the owner is told once a day.
pub(crate) fn slowed(user: Uuid, now: OffsetDateTime) -> Result<EventMessage> {
    let day = now.date().to_string();
    let id = Uuid::new_v5(&user, format!("{} {day}", SignInSlowed::NAME).as_bytes());
    let mut message = EventMessage::new(&SignInSlowed { uuid: user, day })?;
    message.id = id;
    Ok(message)
}
