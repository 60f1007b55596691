//! A code that proves again who a signed-in user is. `application/auth` gives the session its proof.

use uuid::Uuid;

use super::{Ask, Challenges};
use crate::{
    domain::{
        Error, Result,
        auth::{RandomId, Token, challenge::Purpose},
        users::{Email, User},
    },
    infrastructure::{repository::credentials, security, tx::Tx},
};

impl Challenges<'_> {
    /// Asks for a code to the address of a user who has no password. It counts only in this session. Returns the id of
    /// the challenge.
    ///
    /// # Errors
    /// `Validation` naming `password` as `required`, for a user who has one: it is the stronger proof. `NotFound` for a
    /// user without an address. `Unauthenticated` when the session has ended since the token was checked.
    pub async fn ask_to_prove(&self, tx: &mut Tx<'_>, token: &Token, email: Option<&Email>) -> Result<Uuid> {
        let known = credentials::find(&*tx, token.user).await?;
        let known = known.ok_or(Error::Unauthenticated("the user is gone"))?;
        if known.password.is_some() {
            return Err(Error::invalid("password", "required"));
        }
        let email = email.ok_or(Error::NotFound("address"))?;
        let binding = Some(of_session(&token.session));
        let ask = |user: &User| {
            Ok(Ask { binding, ..Ask::new(Purpose::StepUp, Some(user.uuid), email.canonical()) })
        };
        self.ask_in_session(tx, token, ask).await
    }
}

/// Returns what binds a challenge to a session.
pub(crate) fn of_session(session: &RandomId) -> [u8; 32] {
    security::sha256(session.as_str())
}
