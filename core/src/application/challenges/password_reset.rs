//! A new password for somebody who has forgotten the old one.

use serde_json::json;
use uuid::Uuid;

use super::{
    Challenges, Judged, Presented, Redeemed,
    phone_removal::remove_recent_phone,
    proof::{self, Proof},
};
use crate::{
    application::{
        limits::Limits,
        tasks::security_mail::{Notice, SecurityMail},
    },
    domain::{
        Error, Result,
        audit::Entry,
        auth::{
            Client, RevokeReason,
            challenge::{LinkToken, Owner, Purpose},
        },
        users::{Email, Handle, Password, PasswordAttempt, PasswordPolicy, User},
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{audit, credentials, rate_limit, users},
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
        self.ask_address(Purpose::ResetPassword, email, None).await
    }

    /// Puts a new password in place of the old one. Ends all sessions, links and codes of the user, and their API keys
    /// unless they are to stay. Removes a phone number that was proved in the last week. Tells the user's address.
    ///
    /// The order is: compare the secret, check and hash the password, and only then use the link up. So a refused
    /// password uses up nothing.
    ///
    /// The same request again succeeds until the link expires, a few times, as long as nothing else has changed.
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
        let owner = self.find_owner(&judged).await?;
        let password = accept(with.policy, &judged, owner.as_ref(), new)?;
        if judged.challenge().used {
            return self.repeat_reset(with.passwords, judged, new, client).await;
        }
        let hash = with.passwords.hash(&password).await?;
        let work = async |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
            let (user, now) = (redeemed.user, self.now());
            // The person who chose the old credentials may never have had this mailbox.
            let proved = proof::prove_email(tx, redeemed, Proof::MailboxAlone, now).await?;
            let ended = match proved.ended {
                // The first proof has raised the epoch.
                Some(ended) => ended,
                None => {
                    credentials::raise_epoch(&*tx, user).await?;
                    proof::end_access(tx, user, with.keep_api_keys, RevokeReason::PasswordReset, now).await?
                }
            };
            credentials::set_hash(&*tx, user, &hash).await?;
            remove_recent_phone(tx, redeemed, now, client).await?;
            // Those of the number too: the password that was guessed is the same.
            let email = redeemed.challenge.subject.as_deref().and_then(|subject| Email::parse(subject).ok());
            let phone = owner.as_ref().and_then(User::phone);
            let handles = [email.map(Handle::Email), phone.map(Handle::Phone)].into_iter().flatten();
            let failures: Vec<_> =
                handles.flat_map(|handle| with.limits.failures(&handle, client.ip)).collect();
            rate_limit::forget(&*tx, &failures).await?;
            SecurityMail::about(user, Notice::PasswordReset)?.write(tx).await?;
            let details = json!({
                "challenge": redeemed.challenge.id, "ended": ended.sessions, "keys": ended.keys,
                "first_proof": proved.first,
            });
            audit::record(tx, &Entry::own(Purpose::ResetPassword.action(), user, client.ip).with(details));
            Ok(())
        };
        let ((), outgoing) = self.redeem(&judged, client, work).await?;
        Ok(outgoing)
    }

    /// Returns the user whose link it is. If they change what proves who they are before the link is used up, it is
    /// refused.
    async fn find_owner(&self, judged: &Judged) -> Result<Option<User>> {
        match judged.challenge().owner {
            Some(Owner { user, .. }) => users::find(&self.db.conn().await?, user).await,
            None => Ok(None),
        }
    }

    /// Succeeds without an effect if this link set this very password, and nothing has changed since. Each request
    /// counts as an attempt before the password is compared, and is noted: otherwise a used link would be a way to
    /// guess the password.
    async fn repeat_reset(
        &self,
        passwords: &Passwords,
        mut judged: Judged,
        new: &PasswordAttempt,
        client: Client<'_>,
    ) -> Result<Vec<Outgoing>> {
        let conn = self.db.conn().await?;
        if !judged.count(&conn).await? {
            return Err(judged.refused());
        }
        let Some(Owner { user, epoch }) = judged.challenge().owner else { return Err(judged.refused()) };
        let known = credentials::find(&conn, user).await?;
        drop(conn);
        let stands = known.filter(|known| known.may_sign_in && known.epoch == epoch + 1);
        let hash = stands.and_then(|known| known.password);
        let is_same = passwords.verify(new, hash.as_ref()).await? != Match::No;
        let conn = self.db.conn().await?;
        if !is_same {
            return Err(judged.refuse(&conn, "used", client).await?);
        }
        let details = json!({ "challenge": judged.challenge().id, "repeated": true });
        let entry = Entry::own(Purpose::ResetPassword.action(), user, client.ip).with(details);
        audit::record_alone(&conn, &entry).await?;
        Ok(Vec::new())
    }
}

/// Checks a new password against the policy and against what is known about the owner of the link.
fn accept(
    policy: &PasswordPolicy,
    judged: &Judged,
    owner: Option<&User>,
    new: &PasswordAttempt,
) -> Result<Password> {
    let mut about: Vec<&str> = judged.challenge().subject.as_deref().into_iter().collect();
    if let Some(user) = owner {
        let known = [&user.email, &user.first_name, &user.last_name];
        about.extend(known.into_iter().flatten().map(String::as_str));
    }
    policy.accept(new, &about).map_err(|reason| Error::invalid("password", reason))
}
