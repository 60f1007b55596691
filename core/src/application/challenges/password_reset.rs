//! A new password for somebody who has forgotten the old one.

use serde_json::json;
use uuid::Uuid;

use super::{
    Ask, Challenges, Judged, Presented, Redeemed,
    proof::{self, Proof},
};
use crate::{
    application::{
        limits::Limits,
        tasks::{
            Enqueue,
            security_mail::{Notice, SecurityMail},
        },
    },
    domain::{
        Error, Result,
        audit::Entry,
        auth::{
            Client, RevokeReason,
            challenge::{LinkToken, Owner, Purpose},
        },
        users::{Email, Password, PasswordAttempt, PasswordPolicy},
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{api_keys, audit, emails, rate_limit, sessions, sign_in_places, users},
        security::{
            ChallengeKeys,
            password::{Match, Passwords},
        },
        tx::Tx,
    },
};

/// What a reset needs besides the token.
#[derive(Debug)]
pub struct Reset<'a> {
    pub keys: &'a ChallengeKeys,
    pub passwords: &'a Passwords,
    pub policy: &'a PasswordPolicy,
    pub limits: &'a Limits<'a>,
    /// Whether the user's API keys stay.
    pub keep_api_keys: bool,
}

impl Challenges<'_> {
    /// Asks for a link to a new password. Returns the id of the challenge, and what to publish. Does the same
    /// work whether or not somebody has the address.
    ///
    /// # Errors
    /// `RateLimited`, for known and unknown addresses alike.
    pub async fn forgot_password(
        &self,
        limits: &Limits<'_>,
        email: &Email,
        client: Client<'_>,
    ) -> Result<(Uuid, Vec<Outgoing>)> {
        limits.ask(email.canonical(), client.ip).await?;
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let user = emails::owner(&tx, email).await?;
        let id = self.ask(&mut tx, &Ask::new(Purpose::ResetPassword, user, email.canonical())).await?;
        Ok((id, tx.commit().await?))
    }

    /// Puts a new password in place of the old one. It ends all sessions, links and codes of the user, and
    /// their API keys unless they are to stay, and tells the user's address. The order is: compare the secret,
    /// check and hash the password, and only then use the link up. So a refused password uses up nothing.
    ///
    /// The same request again succeeds until the link expires, as long as nothing else has changed.
    ///
    /// # Errors
    /// `Validation` naming `token` as `wrong`, or `password` with the reason of the policy.
    pub async fn reset_password(
        &self,
        with: &Reset<'_>,
        token: &LinkToken,
        new: &PasswordAttempt,
        client: Client<'_>,
    ) -> Result<Vec<Outgoing>> {
        let judged = self.judge(with.keys, Purpose::ResetPassword, &Presented::Link(token), client).await?;
        let password = self.accept(with.policy, &judged, new).await?;
        if judged.challenge().used {
            return self.repeat_reset(with.passwords, &judged, new).await;
        }
        let hash = with.passwords.hash(&password).await?;
        let work = async |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
            let (user, now) = (redeemed.user, self.now());
            // Whoever chose the old credentials need not have had this mailbox.
            let first = proof::prove_email(tx, redeemed, Proof::MailboxAlone, now).await?;
            users::set_hash(&*tx, user, &hash).await?;
            sign_in_places::forget(&*tx, user, None).await?;
            let ended = sessions::revoke_all(&*tx, user, None, RevokeReason::PasswordReset, now).await?;
            let keys = if with.keep_api_keys { 0 } else { api_keys::revoke_all(&*tx, user, now).await? };
            if let Some(Ok(email)) = redeemed.challenge.subject.as_deref().map(Email::parse) {
                rate_limit::forget(&*tx, &with.limits.failures(&email, client.ip)).await?;
            }
            Enqueue::new(&SecurityMail { user, notice: Notice::PasswordReset, key: None })?.write(tx).await?;
            let details = json!({
                "challenge": redeemed.challenge.id, "ended": ended, "keys": keys, "first_proof": first,
            });
            audit::record(tx, &Entry::own(Purpose::ResetPassword.action(), user, client.ip).with(details));
            Ok(())
        };
        let ((), outgoing) = self.redeem(&judged, client, work).await?;
        Ok(outgoing)
    }

    /// Checks a new password against the policy and against what is known about the owner of the link.
    async fn accept(
        &self,
        policy: &PasswordPolicy,
        judged: &Judged,
        new: &PasswordAttempt,
    ) -> Result<Password> {
        let challenge = judged.challenge();
        let user = match challenge.owner {
            Some(Owner { user, .. }) => users::find(&self.db.conn().await?, user).await?,
            None => None,
        };
        let mut about: Vec<&str> = challenge.subject.as_deref().into_iter().collect();
        if let Some(user) = &user {
            let known = [&user.email, &user.first_name, &user.last_name];
            about.extend(known.into_iter().flatten().map(String::as_str));
        }
        policy.accept(new, &about).map_err(|reason| Error::invalid("password", reason))
    }

    /// Succeeds without an effect if this link set this very password, and nothing has changed since.
    async fn repeat_reset(
        &self,
        passwords: &Passwords,
        judged: &Judged,
        new: &PasswordAttempt,
    ) -> Result<Vec<Outgoing>> {
        let Some(Owner { user, epoch }) = judged.challenge().owner else { return Err(judged.refused()) };
        let known = users::credentials_by_uuid(&self.db.conn().await?, user).await?;
        let stands = known.filter(|known| known.may_sign_in && known.epoch == epoch + 1);
        let hash = stands.and_then(|known| known.password);
        match passwords.verify(new, hash.as_ref()).await? {
            Match::No => Err(judged.refused()),
            Match::Yes | Match::Outdated => Ok(Vec::new()),
        }
    }
}
