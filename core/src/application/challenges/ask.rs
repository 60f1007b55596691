//! Asking for a challenge.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Challenges;
use crate::{
    application::tasks::send_challenge::SendChallenge,
    domain::{
        Result,
        auth::{
            Token,
            challenge::{Challenge, Purpose},
        },
        users::{Email, User},
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{
            challenges::{self, NewChallenge},
            emails, sessions,
        },
        tx::Tx,
    },
};

/// What is asked for.
#[derive(Debug)]
pub struct Ask<'a> {
    pub purpose: Purpose,
    /// Whose challenge it is; `None`: nobody has this address.
    pub user: Option<Uuid>,
    /// The canonical address or number that it proves.
    pub subject: &'a str,
    /// What the purpose must remember, a JSON object.
    pub data: Value,
    /// SHA-256 of the verifier that the asking client holds.
    pub binding: Option<[u8; 32]>,
    /// For how long it holds.
    pub lifetime: Duration,
}

impl<'a> Ask<'a> {
    pub fn new(purpose: Purpose, user: Option<Uuid>, subject: &'a str) -> Self {
        Self {
            purpose,
            user,
            subject,
            data: json!({}),
            binding: None,
            lifetime: purpose.lifetime_of(subject),
        }
    }

    /// Returns the ask for a mail that proves the address of a user.
    pub fn to_verify(user: Uuid, email: &'a Email) -> Self {
        Self::new(Purpose::VerifyEmail, Some(user), email.canonical())
    }

    /// Leaves the code out of the mail: no client learns the id that it would be sent back with.
    #[must_use]
    pub fn link_only(mut self) -> Self {
        self.data[Challenge::LINK_ONLY] = true.into();
        self
    }

    /// Stores a challenge and starts the task that sends it. Does the same work whether or not there is a user:
    /// one row, one task whose only argument is the id, and nothing in the audit log. Returns the id.
    ///
    /// Before it, the caller counts with a method of `Limits` whose name begins with `ask`.
    pub async fn write(&self, tx: &mut Tx<'_>, now: OffsetDateTime) -> Result<Uuid> {
        let Self { purpose, user, subject, data, binding, lifetime } = self;
        let id = Uuid::now_v7();
        let (purpose, user, binding) = (*purpose, *user, binding.as_ref());
        let expires_at = now + *lifetime;
        let new = NewChallenge { id, purpose, user, subject, data, binding, now, expires_at };
        challenges::ask(&*tx, &new).await?;
        SendChallenge { challenge: id }.enqueue()?.write(tx).await?;
        Ok(id)
    }
}

impl Challenges<'_> {
    /// Asks for a challenge to an address. Returns its id, and what to publish. Does the same work whether or not
    /// somebody has the address.
    pub(super) async fn ask_address(
        &self,
        purpose: Purpose,
        email: &Email,
        binding: Option<[u8; 32]>,
    ) -> Result<(Uuid, Vec<Outgoing>)> {
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let user = emails::owner(&tx, email).await?;
        let id = self.ask(&mut tx, &Ask { binding, ..Ask::new(purpose, user, email.canonical()) }).await?;
        Ok((id, tx.commit().await?))
    }

    /// Asks for a signed-in user, whose session must not have ended. Locks the user's row, and makes the ask from that
    /// row. A challenge has the present epoch of its user. Without the lock, a request at the same moment as a reset
    /// would get a challenge that outlives the reset, although the reset has ended the session.
    ///
    /// # Errors
    /// `Unauthenticated` when the session has ended since the token was checked.
    pub(super) async fn ask_in_session<'a>(
        &self,
        tx: &mut Tx<'_>,
        token: &Token,
        ask: impl FnOnce(&User) -> Result<Ask<'a>>,
    ) -> Result<Uuid> {
        let user = sessions::lock_with_user(&*tx, token, self.now()).await?;
        self.ask(tx, &ask(&user)?).await
    }

    /// Does what [`Ask::write`] does.
    pub async fn ask(&self, tx: &mut Tx<'_>, ask: &Ask<'_>) -> Result<Uuid> {
        ask.write(tx, self.now()).await
    }
}
