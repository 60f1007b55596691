//! A code, and for an address a link too, to sign in with. `application/auth` opens the session for them.

use uuid::Uuid;

use super::{Ask, Challenges};
use crate::{
    application::limits::Limits,
    domain::{
        Result,
        auth::{
            Client,
            challenge::{Binding, Purpose},
        },
        users::{Account, Handle},
    },
    infrastructure::{messaging::Outgoing, repository::phones},
};

impl Challenges<'_> {
    /// Asks for a code to sign in with, and for an address also a link. Only the client that holds the verifier of
    /// `binding` can use them. A number gets a text message only if its holder has proved it. Returns the id of the
    /// challenge, and what to publish. Does the same work whether or not somebody has the address or number.
    ///
    /// # Errors
    /// `RateLimited`, for known and unknown addresses and numbers alike.
    pub async fn ask_to_sign_in(
        &self,
        limits: &Limits<'_>,
        handle: &Handle,
        binding: Binding,
        client: Client<'_>,
    ) -> Result<(Uuid, Vec<Outgoing>)> {
        limits.ask_for_code(handle.canonical(), client.ip).await?;
        let binding = Some(binding.bytes());
        let phone = match handle {
            Handle::Email(email) => return self.ask_address(Purpose::SignIn, email, binding).await,
            Handle::Phone(phone) => phone,
        };
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let holder = phones::holder(&tx, phone).await?.filter(|holder| holder.is_proved);
        let user = holder.map(|holder| holder.user);
        let ask = Ask { binding, ..Ask::new(Purpose::SignIn, user, phone.as_str()) };
        let id = self.ask(&mut tx, &ask).await?;
        Ok((id, tx.commit().await?))
    }
}
