//! Taking an account back for its old address. Who had the account before wins over who changed the address, for as
//! long as the link lives.

use serde_json::json;

use super::{Challenges, Presented, Redeemed, phone_removal::remove_recent_phone, proof};
use crate::{
    application::tasks::{
        Enqueue,
        email_restored_mail::{EmailRestoredMail, To},
    },
    domain::{
        Result,
        audit::Entry,
        auth::{
            Client, RevokeReason,
            challenge::{Addresses, LinkToken, Purpose},
        },
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{audit, challenges, moved_emails},
        security::ChallengeKeys,
        tx::Tx,
    },
};

impl Challenges<'_> {
    /// Gives the account its old address back. Removes what the person who changed the address may have set: the password,
    /// all sessions and API keys, a phone that was proved since then or in the week before, and the request to be
    /// deleted. It ends the links of later changes, and tells both addresses. It does not sign in, and does not lift a
    /// deactivation.
    ///
    /// The same request again succeeds without an effect, while the account has the address.
    ///
    /// # Errors
    /// `Validation` naming `token` as `wrong`. `AlreadyExists` with `email` when another user has proved the
    /// address since the change.
    pub async fn undo_email(
        &self,
        keys: &ChallengeKeys,
        token: &LinkToken,
        client: Client<'_>,
    ) -> Result<Vec<Outgoing>> {
        let judged = self.judge(keys, Purpose::UndoEmail, &Presented::Link(token), client).await?;
        let old = Addresses::read(judged.challenge())?.email()?;
        if judged.challenge().used {
            return self.repeat_move(&judged, &old, None, client).await;
        }
        let old = &old;
        let work = || {
            async move |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
                let (user, challenge, now) = (redeemed.user, redeemed.challenge, self.now());
                proof::move_email(tx, redeemed, old, client, now).await?;
                // The row of the link was written with the change.
                remove_recent_phone(tx, redeemed, challenge.created_at, client).await?;
                let deletion = moved_emails::undo(&*tx, user).await?;
                let ended = proof::end_access(tx, user, false, RevokeReason::EmailRestored, now).await?;
                let later = challenges::end_later(&*tx, challenge, now).await?;
                // The last change gave the account the address that it loses now.
                let last = later.first().copied().unwrap_or(challenge.id);
                let mails = [(challenge.id, To::Restored), (last, To::Replaced)];
                for (challenge, to) in mails {
                    Enqueue::new(&EmailRestoredMail { challenge, to })?.owner(user).write(tx).await?;
                }
                let details = json!({
                    "challenge": challenge.id, "ended": ended.sessions, "keys": ended.keys, "links": later.len(),
                    "deletion": deletion,
                });
                audit::record(tx, &Entry::own(Purpose::UndoEmail.action(), user, client.ip).with(details));
                Ok(())
            }
        };
        self.redeem_move(&judged, client, work).await
    }
}
