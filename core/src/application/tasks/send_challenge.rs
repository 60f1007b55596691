//! Sends the link and the code of a challenge. It computes them: no message and no row holds a secret.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Enqueue, FOR_DAYS, Task, TaskContext, mail, sms};
use crate::{
    application::mails::{Code, LinkToken, Recipient, Template, TextMessage},
    domain::{
        Result,
        audit::{Action, Entry, Outcome},
        auth::challenge::{Addresses, Challenge, Kind, Owner, Purpose},
        users::{MaskedHandle, Phone},
    },
    infrastructure::{
        db::Conn,
        messaging::Queue,
        repository::{audit, challenges, moved_emails, users},
        security::ChallengeKeys,
    },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SendChallenge {
    pub challenge: Uuid,
}

impl SendChallenge {
    /// Returns the task with the id of the challenge. By that id `clean_up` finds it.
    ///
    /// # Errors
    /// Those of [`Enqueue::new`].
    pub fn enqueue(self) -> Result<Enqueue<Self>> {
        Ok(Enqueue::new(&self)?.id(self.challenge))
    }
}

impl Task for SendChallenge {
    const NAME: &'static str = "send_challenge";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    /// Its result is the same for known and unknown addresses. It sends nothing for a challenge that is used, that no
    /// longer holds, or of whose life less than half is left.
    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let services = context.services();
        let keys = services.mails()?.keys.challenge_keys().await?;
        let (conn, now) = (context.conn()?, services.clock.now());
        let Some(challenge) = challenges::find_with_key(conn, self.challenge, keys.kid()).await? else {
            return Ok(json!({}));
        };
        let is_over =
            challenge.used || challenge.is_late(now) || !challenges::holds(conn, &challenge).await?;
        let Some(owner) = challenge.owner.filter(|_| !is_over) else { return Ok(json!({})) };
        let secrets = Secrets { keys: &keys, challenge: &challenge, now };
        if !secrets.send(context, owner).await? {
            return Ok(json!({}));
        }
        let entry = Entry {
            action: Action::ChallengeSent,
            outcome: Outcome::Success,
            actor: None,
            subject: Some(owner.user),
            ip: None,
            details: json!({ "challenge": challenge.id, "purpose": challenge.purpose.as_str() }),
        };
        audit::record(context.tx().await?, &entry);
        Ok(json!({}))
    }
}

/// Returns by what the owner of an account knows it: the masked address, or else the masked number.
async fn name_of(conn: &Conn, user: Uuid) -> Result<Option<MaskedHandle>> {
    if let Some(recipient) = mail::find_recipient(conn, user).await? {
        return Ok(Some(MaskedHandle::of_address(recipient.address().as_str())));
    }
    let phone = users::find(conn, user).await?.and_then(|user| user.phone);
    Ok(phone.and_then(|phone| Phone::parse(&phone).ok()).map(|phone| MaskedHandle::of_number(&phone)))
}

/// The secrets of one challenge, as a mail shows them: with the time that they can be used from now on.
struct Secrets<'a> {
    keys: &'a ChallengeKeys,
    challenge: &'a Challenge,
    now: OffsetDateTime,
}

impl Secrets<'_> {
    /// Sends the mail or the text message. Returns whether it was sent.
    async fn send(&self, context: &mut TaskContext<'_>, owner: Owner) -> Result<bool> {
        let challenge = self.challenge;
        let template = match challenge.purpose {
            Purpose::VerifyEmail => Template::VerifyEmail { token: self.token()?, code: self.code()? },
            Purpose::ResetPassword => Template::ResetPassword { token: self.token()? },
            Purpose::SignIn if challenge.code_kind() == Kind::Digits => {
                return self.send_to_number(context, |code| TextMessage::SignIn { code }).await;
            }
            Purpose::SignIn => Template::SignIn { token: self.token()?, code: self.code()? },
            Purpose::StepUp => match self.code()? {
                Some(code) => Template::StepUp { code },
                None => return Ok(false),
            },
            Purpose::Restore => {
                Template::DeletionRequested { token: self.token()?, at: challenge.expires_at }
            }
            Purpose::ChangeEmail => return self.send_to_new_address(context, owner).await,
            Purpose::UndoEmail => {
                let addresses = Addresses::read(challenge)?;
                let new = mail::address_of(&addresses.replaced()?)?;
                let new = MaskedHandle::of_address(new.as_str());
                let recipient = Recipient::proved(mail::address_of(&addresses.email()?)?);
                let template = Template::EmailChanged { new, token: self.token()? };
                return Ok(mail::send_to(context, &recipient, &template).await?.is_sent());
            }
            Purpose::Phone => {
                return self.send_to_number(context, |code| TextMessage::ConfirmPhone { code }).await;
            }
        };
        Ok(mail::send(context, owner.user, &template).await?.is_sent())
    }

    /// Writes to the address that an account is to get. Its reader decides by the old address, or by the number of an
    /// account without one, whether the account is theirs. If another account has proved the address, it would keep
    /// it, so the mail has no secret.
    async fn send_to_new_address(&self, context: &TaskContext<'_>, owner: Owner) -> Result<bool> {
        let new = Addresses::read(self.challenge)?.email()?;
        let conn = context.conn()?;
        let Some(account) = name_of(conn, owner.user).await? else { return Ok(false) };
        let holders = moved_emails::holders(conn, &new).await?;
        let template = if holders.iter().any(|holder| holder.is_proved && holder.user != owner.user) {
            Template::EmailInUse { account }
        } else {
            Template::ChangeEmail { account, token: self.token()?, code: self.code()? }
        };
        let recipient = Recipient::unproved(mail::address_of(&new)?);
        Ok(mail::send_to(context, &recipient, &template).await?.is_sent())
    }

    /// Sends the code to the number that it proves.
    async fn send_to_number(
        &self,
        context: &mut TaskContext<'_>,
        text: impl FnOnce(Code) -> TextMessage,
    ) -> Result<bool> {
        let (Some(phone), Some(code)) = (self.challenge.phone(), self.code()?) else { return Ok(false) };
        sms::send(context, self.challenge.id, &phone, &text(code)).await
    }

    fn token(&self) -> Result<LinkToken> {
        let left = (self.challenge.expires_at - self.now).unsigned_abs();
        LinkToken::new(self.keys.link(self.challenge)?.reveal().expose().clone(), left)
    }

    /// Returns `None` for a code that helps nobody.
    fn code(&self) -> Result<Option<Code>> {
        let code = |left: Duration| {
            let code = self.keys.code(self.challenge, self.challenge.code_kind())?;
            Code::new(code.expose().to_owned(), left.unsigned_abs())
        };
        self.challenge.code_left(self.now).map(code).transpose()
    }
}
