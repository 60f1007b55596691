//! Another address for an account. The old one stays until the new one is proved, and can then undo the change for a
//! week.

use serde_json::json;
use uuid::Uuid;

use super::{Ask, Challenges, FromMail, Judged, Presented, Redeemed, proof};
use crate::{
    domain::{
        Error, Result,
        audit::Entry,
        auth::{
            Client, Token,
            challenge::{Addresses, Owner, Purpose},
        },
        users::{Email, User},
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{audit, challenges::Asker, credentials, moved_emails, users},
        security::ChallengeKeys,
        tx::Tx,
    },
};

impl Challenges<'_> {
    /// Checks that a user may ask for this address, before anything counts. It looks at the user's own row only. A
    /// user who signed up by phone has no address, and may add the first one.
    ///
    /// # Errors
    /// `EmailUnverified` for a user who has not proved the present address. `Validation` naming `email` as
    /// `unchanged`.
    pub async fn check_new_email(&self, user: Uuid, new: &Email) -> Result<()> {
        match users::find_address(&self.db.conn().await?, user).await? {
            None => Ok(()),
            Some(present) if !present.is_proved => Err(Error::EmailUnverified),
            Some(present) if present.typed == new.typed() => Err(Error::invalid("email", "unchanged")),
            Some(_) => Ok(()),
        }
    }

    /// Asks for a link and a code to a new address. Returns the id of the challenge. Does the same work whether or
    /// not somebody has the address: the task finds out.
    ///
    /// # Errors
    /// `Unauthenticated` when the session has ended since the token was checked.
    pub async fn ask_to_change_email(&self, tx: &mut Tx<'_>, token: &Token, new: &Email) -> Result<Uuid> {
        let ask = |user: &User| {
            let data = Addresses::of_change(new, user.email.is_none()).to_json()?;
            Ok(Ask { data, ..Ask::new(Purpose::ChangeEmail, Some(user.uuid), new.canonical()) })
        };
        self.ask_in_session(tx, token, ask).await
    }

    /// Gives the account the address that a link or a code has proved. The old address, if there is one, gets a link
    /// that undoes it. The same link again succeeds until it expires, as long as nothing else has changed.
    ///
    /// # Errors
    /// `Validation` naming `token` or `code` as `wrong`. `Unauthenticated` for a code without a session.
    /// `AlreadyExists` with `email` when another user has proved the address.
    pub async fn change_email(
        &self,
        keys: &ChallengeKeys,
        from_mail: &FromMail,
        signed_in: Option<Uuid>,
        client: Client<'_>,
    ) -> Result<Vec<Outgoing>> {
        let presented = match from_mail {
            FromMail::Token(token) => Presented::Link(token),
            FromMail::Code { id, code } => {
                let user = signed_in.ok_or(Error::Unauthenticated("a code came without a session"))?;
                Presented::Code { id: *id, code, asker: Asker::Session(user) }
            }
        };
        let judged = self.judge(keys, Purpose::ChangeEmail, &presented, client).await?;
        let addresses = Addresses::read(judged.challenge())?;
        let new = addresses.email()?;
        if let Some(Owner { epoch, .. }) = judged.challenge().owner.filter(|_| judged.challenge().used) {
            return self.repeat_move(&judged, &new, Some(epoch + 1), client).await;
        }
        let (judged, addresses, new) = (&judged, &addresses, &new);
        let work = || {
            async move |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
                let user = redeemed.user;
                let old = match users::find_address(&*tx, user).await? {
                    None if addresses.is_first() => None,
                    Some(old) if old.is_proved => {
                        Some(Email::parse(&old.typed).map_err(|_| judged.refused())?)
                    }
                    None | Some(_) => return Err(judged.refused()),
                };
                proof::move_email(tx, redeemed, new, client, self.now()).await?;
                let undo = match old {
                    None => None,
                    Some(old) => {
                        let data = Addresses::of_undo(&old, new).to_json()?;
                        let undo = Ask { data, ..Ask::new(Purpose::UndoEmail, Some(user), old.canonical()) };
                        Some(self.ask(tx, &undo).await?)
                    }
                };
                let details = json!({ "challenge": redeemed.challenge.id, "undo": undo });
                audit::record(tx, &Entry::own(Purpose::ChangeEmail.action(), user, client.ip).with(details));
                Ok(())
            }
        };
        self.redeem_move(judged, client, work).await
    }

    /// Succeeds without an effect if the user has the address, and nothing has changed since a link gave it: the
    /// epoch is `epoch`, if that is known.
    pub(super) async fn repeat_move(
        &self,
        judged: &Judged,
        email: &Email,
        epoch: Option<i32>,
        client: Client<'_>,
    ) -> Result<Vec<Outgoing>> {
        let Some(Owner { user, .. }) = judged.challenge().owner else { return Err(judged.refused()) };
        let conn = self.db.conn().await?;
        let holders = moved_emails::holders(&conn, email).await?;
        let has_it = holders.iter().any(|holder| holder.user == user && holder.is_proved);
        let known = credentials::find(&conn, user).await?;
        let stands = known.is_some_and(|known| epoch.is_none_or(|epoch| known.epoch == epoch));
        if has_it && stands { Ok(Vec::new()) } else { Err(judged.refuse(&conn, "used", client).await?) }
    }
}
