//! Proof that a phone number is its user's, with the code from a text message. The number enters the account when it
//! is proved, so a number that somebody typed keeps nobody from it.

use serde_json::json;
use uuid::Uuid;

use super::{Ask, Challenges, Presented, Redeemed, proof};
use crate::{
    application::tasks::security_mail::{Notice, SecurityMail},
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{
            Client, RevokeReason, Token,
            challenge::{Code, Purpose, Verifier},
        },
        users::{Phone, User},
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{audit, challenges::Asker, phones, sign_in_places, text_messages, users},
        security::{self, ChallengeKeys},
        tx::Tx,
    },
};

/// What came from the phone, and who sends it.
#[derive(Debug)]
pub struct FromPhone<'a> {
    pub id: Uuid,
    pub code: &'a Code,
    /// The user whose session sends the request.
    pub signed_in: Option<Uuid>,
    /// Of the client that signed up.
    pub verifier: Option<&'a Verifier>,
}

impl Challenges<'_> {
    /// Fails unless a user may add a number. A user who has not proved the address may have signed up with somebody
    /// else's, and must not leave another way in there.
    ///
    /// # Errors
    /// `EmailUnverified`, and if the number replaces a proved one, those of [`Self::may_lose_number`].
    pub async fn check_may_add_phone(&self, user: Uuid, phone: &Phone) -> Result<()> {
        let conn = self.db.conn().await?;
        if users::find_address(&conn, user).await?.is_some_and(|address| !address.is_proved) {
            return Err(Error::EmailUnverified);
        }
        if phones::has_proved_another(&conn, user, phone).await? == Some(true) {
            self.may_lose_number(&conn, user).await?;
        }
        Ok(())
    }

    /// Asks for a code to the number that a signed-in user wants to add. Returns the id of the challenge.
    ///
    /// # Errors
    /// `Unauthenticated` when the session has ended since the token was checked.
    pub async fn ask_to_add_phone(&self, tx: &mut Tx<'_>, token: &Token, phone: &Phone) -> Result<Uuid> {
        let ask = |user: &User| Ok(Ask::new(Purpose::Phone, Some(user.uuid), phone.as_str()));
        self.ask_in_session(tx, token, ask).await
    }

    /// Asks for a code to the number of a sign-up. Returns the id of the challenge.
    pub async fn ask_for_phone(
        &self,
        tx: &mut Tx<'_>,
        user: Uuid,
        phone: &Phone,
        binding: Option<[u8; 32]>,
    ) -> Result<Uuid> {
        self.ask(tx, &Ask { binding, ..Ask::new(Purpose::Phone, Some(user), phone.as_str()) }).await
    }

    /// Gives the number to the user who has proved it, and tells their address. An account that holds the number
    /// without a proof loses it, its sessions and its API keys.
    ///
    /// # Errors
    /// `Validation` naming `code` as `wrong`, or `verifier` as `required` without a session. `AlreadyExists` with
    /// `phone` when another user has proved it. Those of [`Self::may_lose_number`] if it replaces a proved number.
    pub async fn confirm_phone(
        &self,
        keys: &ChallengeKeys,
        with: &FromPhone<'_>,
        client: Client<'_>,
    ) -> Result<Vec<Outgoing>> {
        let of_client = with.verifier.map(|verifier| security::sha256(verifier.expose()));
        let asker =
            Asker::of(of_client, with.signed_in).ok_or_else(|| Error::invalid("verifier", "required"))?;
        let presented = Presented::Code { id: with.id, code: with.code, asker };
        let judged = self.judge(keys, Purpose::Phone, &presented, client).await?;
        let phone = judged.challenge().phone().ok_or_else(|| judged.refused())?;
        let phone = &phone;
        let work = || {
            async move |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
                let (user, challenge, now) = (redeemed.user, redeemed.challenge.id, self.now());
                if let Some(is_proved) = phones::has_proved_another(&*tx, user, phone).await? {
                    if is_proved {
                        self.may_lose_number(&*tx, user).await?;
                    }
                    // They may be named after that number, which somebody else may have from now on.
                    sign_in_places::forget(&*tx, user, None).await?;
                }
                if let Some(loser) = phones::take(&*tx, user, phone, now).await? {
                    let ended = proof::end_access(tx, loser, false, RevokeReason::PhoneTaken, now).await?;
                    let entry = Entry::by(user, Action::PhoneTaken, loser, client.ip);
                    audit::record(tx, &entry.with(json!({ "ended": ended.sessions, "keys": ended.keys })));
                }
                text_messages::note_redeemed(&*tx, challenge, now).await?;
                SecurityMail::about(user, Notice::PhoneAdded)?.write(tx).await?;
                let entry = Entry::own(Purpose::Phone.action(), user, client.ip);
                audit::record(tx, &entry.with(json!({ "challenge": challenge })));
                Ok(())
            }
        };
        self.redeem_move(&judged, client, work).await
    }
}
