//! Taking a phone number away from an account: its user asks for it, or the owner of the mailbox takes the account back
//! from somebody who may have added the number.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Challenges, Redeemed};
use crate::{
    application::tasks::security_mail::{Notice, SecurityMail},
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{Client, Token, challenge::OWNER_WINS},
    },
    infrastructure::{
        db::Sql,
        repository::{
            audit,
            phones::{self, Standing},
            sessions, sign_in_places,
        },
        tx::Tx,
    },
};

impl Challenges<'_> {
    /// Takes the number away from the account of a user who asks for it, and tells their address. Ends the links and
    /// codes of the account, so that a code that was sent before does not bring the number back. Does nothing without a
    /// number.
    ///
    /// # Errors
    /// Those of [`Self::may_lose_number`], and `Unauthenticated` when the session has ended since the token was checked.
    pub async fn remove_phone(&self, tx: &mut Tx<'_>, token: &Token, client: Client<'_>) -> Result<()> {
        let user = token.user;
        sessions::lock_with_user(&*tx, token, self.now()).await?;
        if !self.may_lose_number(&*tx, user).await? {
            return Ok(());
        }
        phones::remove(&*tx, user).await?;
        // They may be named after the number, which somebody else may have from now on.
        sign_in_places::forget(&*tx, user, None).await?;
        SecurityMail::about(user, Notice::PhoneRemoved)?.write(tx).await?;
        audit::record(tx, &Entry::own(Action::PhoneRemoved, user, client.ip));
        Ok(())
    }

    /// Returns whether the account of a user has a number, and may lose it.
    ///
    /// # Errors
    /// `EmailUnverified` for an account without a proved address: nothing else would show whose account it is.
    /// `NotYet` naming `email` as `too_new` for [`OWNER_WINS`] after an address was added to a number: a thief who
    /// adds one does not get rid of the owner.
    pub(super) async fn may_lose_number(&self, sql: &impl Sql, user: Uuid) -> Result<bool> {
        match phones::standing(sql, user, self.now() - OWNER_WINS).await? {
            Standing::NoNumber => Ok(false),
            Standing::OnlyHandle => Err(Error::EmailUnverified),
            Standing::BeforeAddress => Err(Error::not_yet("email", "too_new")),
            Standing::Free => Ok(true),
        }
    }
}

/// Takes a number away that was proved less than [`OWNER_WINS`] before `until`, or later, and tells the address. A
/// thief of a session could have added it, and would sign in with it for ever.
pub(super) async fn remove_recent_phone(
    tx: &mut Tx<'_>,
    redeemed: &Redeemed<'_>,
    until: OffsetDateTime,
    client: Client<'_>,
) -> Result<()> {
    let user = redeemed.user;
    if phones::remove_since(&*tx, user, until - OWNER_WINS).await? {
        SecurityMail::about(user, Notice::PhoneRemoved)?.write(tx).await?;
        let entry = Entry::own(Action::PhoneRemoved, user, client.ip);
        audit::record(tx, &entry.with(json!({ "challenge": redeemed.challenge.id })));
    }
    Ok(())
}
