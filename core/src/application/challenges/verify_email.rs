//! Confirming an address: it takes the secret from the mailbox *and* something of the person who signed up. Otherwise
//! somebody who signs up with another person's address would get a proved account by that person's press on a link.
//! Other ways prove an address by the mailbox alone, and end what could open the account before: see `proof.rs`.

use serde_json::json;
use uuid::Uuid;

use super::{
    Ask, Challenges, FromMail, Judged, Presented, Redeemed,
    proof::{self, Proof},
};
use crate::{
    application::{auth::slowed, limits::Limits},
    domain::{
        Error, Result,
        audit::{Entry, Outcome},
        auth::{
            Client,
            challenge::{Owner, Purpose, Verifier},
        },
        users::{Email, PasswordAttempt},
    },
    infrastructure::{
        repository::{
            audit,
            challenges::{self, Asker},
            credentials, users,
        },
        security::{
            self, ChallengeKeys,
            password::{Match, Passwords},
        },
        tx::Tx,
    },
};

/// What a verification works with, and what else came with the request.
#[derive(Debug)]
pub struct Verification<'a> {
    pub keys: &'a ChallengeKeys,
    pub passwords: &'a Passwords,
    pub limits: &'a Limits<'a>,
    /// The user whose session sends the request.
    pub signed_in: Option<Uuid>,
    pub verifier: Option<&'a Verifier>,
    pub password: Option<&'a PasswordAttempt>,
}

impl Challenges<'_> {
    /// Asks for a link and a code to the address of a user. Returns the id of the challenge.
    pub async fn ask_to_verify(
        &self,
        tx: &mut Tx<'_>,
        user: Uuid,
        email: &Email,
        binding: Option<[u8; 32]>,
    ) -> Result<Uuid> {
        let ask = Ask { binding, ..Ask::to_verify(user, email) };
        self.ask(tx, &ask).await
    }

    /// Notes that an address is proved. The same request again succeeds until the link expires.
    ///
    /// # Errors
    /// `Validation` naming `token` or `code` as `wrong`, `password` as `wrong`, or `verifier` as `required` for a code
    /// without its asker. `PasswordNeeded` for a right link that comes with nothing of the person who signed up: nothing
    /// is used up then. `RateLimited` for too many passwords.
    pub async fn verify_email(
        &self,
        from_mail: &FromMail,
        with: &Verification<'_>,
        client: Client<'_>,
    ) -> Result<()> {
        let presented = match from_mail {
            FromMail::Token(token) => Presented::Link(token),
            FromMail::Code { id, code } => {
                let client = with.verifier.map(|verifier| security::sha256(verifier.expose()));
                let asker = Asker::of(client, with.signed_in);
                let asker = asker.ok_or_else(|| Error::invalid("verifier", "required"))?;
                Presented::Code { id: *id, code, asker }
            }
        };
        let judged = self.judge(with.keys, Purpose::VerifyEmail, &presented, client).await?;
        // A code has shown its asker already.
        if matches!(presented, Presented::Link(_)) && !self.is_accompanied(&judged, with, client).await? {
            return Err(Error::PasswordNeeded);
        }
        if judged.challenge().used {
            return self.repeat_verification(&judged, client).await;
        }
        let work = async |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
            let proved = proof::prove_email(tx, redeemed, Proof::WithCredential, self.now()).await?;
            let entry = Entry::own(Purpose::VerifyEmail.action(), redeemed.user, client.ip);
            let details = json!({ "challenge": redeemed.challenge.id, "first_proof": proved.first });
            audit::record(tx, &entry.with(details));
            Ok(())
        };
        self.redeem(&judged, client, work).await.map(drop)
    }

    /// Returns whether something of the person who signed up came with a link: their session, the verifier of the
    /// sign-up, or the password. A wrong password is an attempt to sign in, and counts as one.
    async fn is_accompanied(
        &self,
        judged: &Judged,
        with: &Verification<'_>,
        client: Client<'_>,
    ) -> Result<bool> {
        let challenge = judged.challenge();
        let Some(Owner { user, .. }) = challenge.owner else { return Err(judged.refused()) };
        let verified = with.verifier.map(|verifier| security::sha256(verifier.expose()));
        let by_verifier = verified.is_some_and(|hash| challenge.binding.as_deref() == Some(&hash[..]));
        if with.signed_in == Some(user) || by_verifier {
            return Ok(true);
        }
        let Some(password) = with.password else { return Ok(false) };
        let email = challenge.subject.as_deref().and_then(|subject| Email::parse(subject).ok());
        let email = email.ok_or_else(|| judged.refused())?;
        let admitted = with.limits.sign_in(&email, client.ip).await?;
        let known = credentials::find(&self.db.conn().await?, user).await?;
        let known = known.filter(|known| known.may_sign_in);
        let may_sign_in = known.is_some();
        let hash = known.and_then(|known| known.password);
        let is_right = with.passwords.verify(password, hash.as_ref()).await? != Match::No;
        // It opens no session, so the failures before it still count.
        if is_right {
            return Ok(true);
        }
        let details = json!({ "challenge": challenge.id, "reason": "password" });
        let entry = Entry::own(Purpose::VerifyEmail.action(), user, client.ip).with(details);
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        audit::record(&mut tx, &Entry { outcome: Outcome::Failure, actor: None, ..entry });
        if admitted.was_last && may_sign_in {
            tx.send_event(&slowed(user, self.now())?, None)?;
        }
        // Left to the relay, as at sign-in.
        tx.commit().await?;
        Err(Error::invalid("password", "wrong"))
    }

    /// Succeeds without an effect if the address is proved already.
    async fn repeat_verification(&self, judged: &Judged, client: Client<'_>) -> Result<()> {
        let challenge = judged.challenge();
        let conn = self.db.conn().await?;
        let is_proved = match challenge.owner {
            Some(Owner { user, .. }) => users::has_verified_email(&conn, user).await?,
            None => false,
        };
        if is_proved && challenges::holds(&conn, challenge).await? {
            return Ok(());
        }
        Err(judged.refuse(&conn, "used", client).await?)
    }
}
