//! A code or a link from a mail, or a code from a text message, for a new session.

use serde_json::json;
use uuid::Uuid;

use super::{Auth, new_place::tell_of};
use crate::{
    application::{
        challenges::{self, Challenges, FromMail, Judged, Presented, Proof, Redeemed},
        limits::Limits,
    },
    domain::{
        Result,
        audit::{Action, Entry},
        auth::{
            Client, NewSession, RandomId, Token, TokenPair,
            challenge::{Challenge, Owner, Purpose, Verifier},
        },
        users::{Email, Handle},
    },
    infrastructure::{
        repository::{audit, challenges::Asker, sessions, text_messages},
        security::{self, ChallengeKeys},
        tx::Tx,
    },
};

/// What a sign-in by a mail works with.
#[derive(Debug)]
pub struct CodeSignIn<'a> {
    pub keys: &'a ChallengeKeys,
    pub limits: &'a Limits<'a>,
    /// What only the client that asked for the mail holds.
    pub verifier: &'a Verifier,
}

impl Auth<'_> {
    /// Opens a session for the client that asked for a code, with this code or the link next to it. A secret from a
    /// mailbox proves the address. A number was proved before: no other gets a code. A code from a phone is no recent
    /// proof of identity.
    ///
    /// A client that lost the response may ask again for a minute, and gets the same pair.
    ///
    /// # Errors
    /// `Validation` naming `token` or `code` as `wrong`, also for another client.
    pub async fn redeem_code(
        &self,
        with: &CodeSignIn<'_>,
        from_mail: &FromMail,
        client: Client<'_>,
    ) -> Result<TokenPair> {
        let binding = security::sha256(with.verifier.expose());
        let presented = match from_mail {
            FromMail::Token(token) => Presented::LinkOfClient { token, binding },
            FromMail::Code { id, code } => Presented::Code { id: *id, code, asker: Asker::Client(binding) },
        };
        let challenges = Challenges { db: self.db, clock: self.clock };
        let judged = challenges.judge(with.keys, Purpose::SignIn, &presented, client).await?;
        let challenge = judged.challenge();
        let (Some(owner), Some(handle)) = (challenge.owner, handle(challenge)) else {
            return Err(judged.refused());
        };
        if challenge.used {
            return self.first_pair(&judged, owner.user, client).await;
        }
        let (place, failures) =
            (with.limits.place(&handle, client.ip), with.limits.failures(&handle, client.ip));
        let (id, generation) = (session_of(challenge), security::random_sid()?);
        let (now, kid) = (self.now(), self.tokens.kid());
        let work = async |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
            let Owner { user, epoch } = owner;
            // The person who chose the credentials from before may never have had this mailbox.
            let first = match &handle {
                Handle::Email(_) => {
                    challenges::prove_email(tx, redeemed, Proof::MailboxAlone, now).await?.first
                }
                Handle::Phone(_) => {
                    text_messages::note_redeemed(&*tx, redeemed.challenge.id, now).await?;
                    false
                }
            };
            // The first proof has raised it.
            let epoch = if first { epoch + 1 } else { epoch };
            let idle_until = now + self.tokens.refresh_lifetime;
            let generation = &generation;
            // A person who takes over a number at the mobile carrier gets its codes.
            let is_proof = matches!(handle, Handle::Email(_));
            let new = NewSession { id: &id, user, epoch, generation, kid, now, idle_until, is_proof, client };
            // Nor may that person make room for more guesses at the password.
            let failures = if is_proof { &failures[..] } else { &[] };
            let opened = sessions::create(&*tx, &new, None, &place, failures).await?;
            tell_of(tx, &new, opened.ok_or_else(|| judged.refused())?).await?;
            sessions::end_oldest(tx, &new, self.tokens.max_sessions);
            let details =
                json!({ "session": id.as_str(), "challenge": redeemed.challenge.id, "first_proof": first });
            audit::record(tx, &Entry::own(Action::SignIn, user, client.ip).with(details));
            Ok(())
        };
        challenges.redeem(&judged, client, work).await?;
        self.tokens.pair(owner.user, &id, &generation, now, kid)
    }

    /// Returns the pair that a challenge has given, for a client that did not get it.
    async fn first_pair(&self, judged: &Judged, user: Uuid, client: Client<'_>) -> Result<TokenPair> {
        let (id, now) = (session_of(judged.challenge()), self.now());
        let mut conn = self.db.conn().await?;
        let tx = conn.begin().await?;
        let session = sessions::lock(&tx, &id).await?;
        let session = session.filter(|session| {
            !session.is_over(user, now) && session.gives_first_pair(now, self.tokens.access_lifetime)
        });
        drop(tx);
        let Some(session) = session else { return Err(judged.refuse(&conn, "used", client).await?) };
        let token = Token { user, session: id, generation: session.live.clone() };
        self.same_pair(&token, &session, now)
    }
}

/// Returns the id of the session that a challenge opens. It is the challenge's own, so one challenge can open only one
/// session, and a repetition finds it.
fn session_of(challenge: &Challenge) -> RandomId {
    RandomId::from_bits(challenge.id.as_u128())
}

fn handle(challenge: &Challenge) -> Option<Handle> {
    let email = || challenge.subject.as_deref().and_then(|subject| Email::parse(subject).ok());
    challenge.phone().map(Handle::Phone).or_else(|| email().map(Handle::Email))
}
