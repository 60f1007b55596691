//! Redeeming a challenge: its secret is compared first, and it is used up in the transaction of its effects.

use serde_json::json;
use uuid::Uuid;

use super::Challenges;
use crate::{
    domain::{
        Error, Result,
        audit::{Entry, Outcome},
        auth::{
            Client,
            challenge::{Addresses, Challenge, Code, LinkToken, Moved, Owner, Purpose},
        },
    },
    infrastructure::{
        db::Conn,
        messaging::Outgoing,
        repository::{
            audit,
            challenges::{self, Asker},
            moved_emails, phones,
        },
        security::ChallengeKeys,
        tx::Tx,
    },
};

/// How often a use is tried while others sign up with the address or the number at the same moment.
const TRIES: u32 = 3;

/// What came out of the mailbox.
#[derive(Debug)]
pub enum FromMail {
    Token(LinkToken),
    Code { id: Uuid, code: Code },
}

impl FromMail {
    /// Reads the three fields of a request: either a token, or an id with a code.
    ///
    /// # Errors
    /// `Validation` naming the field that is missing, or `token` as `not_with_a_code`.
    pub fn read(token: Option<LinkToken>, id: Option<Uuid>, code: Option<Code>) -> Result<Self> {
        match (token, id, code) {
            (Some(token), None, None) => Ok(Self::Token(token)),
            (None, Some(id), Some(code)) => Ok(Self::Code { id, code }),
            (Some(_), ..) => Err(Error::invalid("token", "not_with_a_code")),
            (None, None, None) => Err(Error::invalid("token", "required")),
            (None, None, Some(_)) => Err(Error::invalid("id", "required")),
            (None, Some(_), None) => Err(Error::invalid("code", "required")),
        }
    }
}

/// What a caller presents.
#[derive(Debug)]
pub enum Presented<'a> {
    /// The token of a link. It stands alone.
    Link(&'a LinkToken),
    /// The token of a link, and the SHA-256 of the verifier of the client that asked for it.
    LinkOfClient { token: &'a LinkToken, binding: [u8; 32] },
    /// A code, and who asked for it.
    Code { id: Uuid, code: &'a Code, asker: Asker },
}

impl Presented<'_> {
    fn id(&self) -> Uuid {
        match self {
            Self::Link(token) | Self::LinkOfClient { token, .. } => token.id,
            Self::Code { id, .. } => *id,
        }
    }

    /// Returns the field of the request that holds the secret.
    fn field(&self) -> &'static str {
        match self {
            Self::Link(_) | Self::LinkOfClient { .. } => "token",
            Self::Code { .. } => "code",
        }
    }
}

/// A challenge whose secret the caller knows. It is not used up yet. Only [`Challenges::judge`] makes one.
#[derive(Debug)]
pub struct Judged {
    challenge: Challenge,
    field: &'static str,
    /// Whether this request is counted as an attempt.
    is_counted: bool,
}

impl Judged {
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Returns the error of a challenge that cannot be used, whatever the reason.
    pub fn refused(&self) -> Error {
        Error::invalid(self.field, "wrong")
    }

    /// Counts this request as an attempt. Returns whether the challenge had one left.
    pub(super) async fn count(&mut self, conn: &Conn) -> Result<bool> {
        if !self.is_counted {
            self.is_counted = challenges::count_link(conn, self.challenge.id).await?;
        }
        Ok(self.is_counted)
    }

    /// Notes why a right secret is refused, at most as often as the challenge has attempts. Returns the error.
    pub(crate) async fn refuse(&self, conn: &Conn, reason: &str, client: Client<'_>) -> Result<Error> {
        if self.is_counted || challenges::count_link(conn, self.challenge.id).await? {
            note(conn, &self.challenge, reason, client).await?;
        }
        Ok(self.refused())
    }
}

/// A challenge that is used up in this transaction, which has locked its user. Only [`Challenges::redeem`]
/// makes one, so an effect that takes it cannot happen without a right secret.
#[derive(Debug)]
pub struct Redeemed<'a> {
    pub user: Uuid,
    pub challenge: &'a Challenge,
}

impl Challenges<'_> {
    /// Compares what a caller presents with the challenge. A code counts as an attempt, even if
    /// the request fails. A right link counts only if it is refused. It may have been used before: see
    /// [`Challenge::used`].
    ///
    /// # Errors
    /// `Validation` naming `token` or `code` as `wrong`, whether it is unknown, wrong, expired, used up by
    /// attempts, or somebody else's.
    pub async fn judge(
        &self,
        keys: &ChallengeKeys,
        purpose: Purpose,
        presented: &Presented<'_>,
        client: Client<'_>,
    ) -> Result<Judged> {
        let (conn, id, now) = (self.db.conn().await?, presented.id(), self.now());
        let (found, is_counted) = match presented {
            Presented::Link(_) | Presented::LinkOfClient { .. } => {
                (challenges::find(&conn, id, purpose).await?, false)
            }
            Presented::Code { asker, .. } => {
                (challenges::count(&conn, id, purpose, *asker, now).await?, true)
            }
        };
        let field = presented.field();
        // Nothing is noted: anybody can send ids that do not exist.
        let Some(challenge) = found else { return Err(Error::invalid(field, "wrong")) };
        let is_right = match presented {
            Presented::Link(token) => keys.is_link(&challenge, token)?,
            Presented::LinkOfClient { token, binding } => {
                challenge.binding.as_deref() == Some(&binding[..]) && keys.is_link(&challenge, token)?
            }
            Presented::Code { code, .. } => keys.is_code(&challenge, challenge.code_kind(), code)?,
        };
        let judged = Judged { challenge, field, is_counted };
        if !is_right {
            // A wrong link is not noted either: anybody who knows its id can send any number of them.
            if is_counted {
                note(&conn, &judged.challenge, "wrong", client).await?;
            }
            return Err(judged.refused());
        }
        if judged.challenge.expires_at <= now {
            return Err(judged.refuse(&conn, "expired", client).await?);
        }
        Ok(judged)
    }

    /// Uses a challenge up and does `work` in the same transaction, and returns what to publish. Of two requests at
    /// the same time, one is refused. If `work` fails, the challenge is not used up.
    ///
    /// # Errors
    /// `Validation` as [`Self::judge`], when it was used or something that ends it has changed; and those of `work`.
    pub async fn redeem<T>(
        &self,
        judged: &Judged,
        client: Client<'_>,
        work: impl AsyncFnOnce(&mut Tx<'_>, &Redeemed<'_>) -> Result<T>,
    ) -> Result<(T, Vec<Outgoing>)> {
        let challenge = &judged.challenge;
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        lock_holders(&tx, challenge).await?;
        let why = if !challenges::lock_owner(&tx, challenge).await? {
            "outdated"
        } else if !challenges::consume(&tx, challenge, self.now()).await? {
            "used"
        } else if let Some(Owner { user, .. }) = challenge.owner {
            let done = work(&mut tx, &Redeemed { user, challenge }).await?;
            return Ok((done, tx.commit().await?));
        } else {
            "outdated"
        };
        drop(tx);
        Err(judged.refuse(&conn, why, client).await?)
    }

    /// Redeems a challenge that gives its user an address or a number, and returns what to publish. Tries again when
    /// somebody has signed up with it at this moment: that account has not proved it, and so does not keep it. `work`
    /// makes the work of one try. (A borrowed closure could not promise that its future is `Send`.)
    ///
    /// # Errors
    /// Those of [`Self::redeem`]. `AlreadyExists` when another user has proved the address or the number.
    pub(super) async fn redeem_move<W>(
        &self,
        judged: &Judged,
        client: Client<'_>,
        work: impl Fn() -> W,
    ) -> Result<Vec<Outgoing>>
    where
        W: AsyncFnOnce(&mut Tx<'_>, &Redeemed<'_>) -> Result<()>,
    {
        let mut left = TRIES;
        loop {
            left -= 1;
            let taken = match self.redeem(judged, client, work()).await {
                Err(taken @ Error::AlreadyExists(_)) => taken,
                other => return other.map(|((), outgoing)| outgoing),
            };
            let conn = self.db.conn().await?;
            if left == 0 || is_proved_by_another(&conn, &judged.challenge).await? {
                judged.refuse(&conn, "taken", client).await?;
                return Err(taken);
            }
        }
    }
}

/// Locks the user and everybody from whom the challenge may take something, in one order for all: two users who take
/// something from each other do not wait for each other.
async fn lock_holders(tx: &Tx<'_>, challenge: &Challenge) -> Result<()> {
    let Some(Owner { user, .. }) = challenge.owner else { return Ok(()) };
    match challenge.purpose.moves() {
        None => Ok(()),
        Some(Moved::Address) => moved_emails::lock(tx, user, &Addresses::read(challenge)?.email()?).await,
        Some(Moved::Number) => match challenge.phone() {
            Some(phone) => phones::lock_holders(tx, user, &phone).await,
            None => Ok(()),
        },
    }
}

/// Returns whether another user has proved what the challenge gives to its user.
async fn is_proved_by_another(conn: &Conn, challenge: &Challenge) -> Result<bool> {
    let is_another = |user: Uuid| challenge.owner.is_none_or(|owner| owner.user != user);
    match challenge.purpose.moves() {
        None => Ok(false),
        Some(Moved::Address) => {
            let holders = moved_emails::holders(conn, &Addresses::read(challenge)?.email()?).await?;
            Ok(holders.iter().any(|holder| holder.is_proved && is_another(holder.user)))
        }
        Some(Moved::Number) => {
            let Some(phone) = challenge.phone() else { return Ok(false) };
            let holder = phones::holder(conn, &phone).await?;
            Ok(holder.is_some_and(|holder| holder.is_proved && is_another(holder.user)))
        }
    }
}

/// Notes a refusal. The caller learns none of its reasons. The caller of this function has counted an attempt before,
/// so that nobody can fill the audit log.
async fn note(conn: &Conn, challenge: &Challenge, reason: &str, client: Client<'_>) -> Result<()> {
    let entry = Entry {
        action: challenge.purpose.action(),
        outcome: Outcome::Failure,
        actor: None,
        subject: challenge.owner.map(|owner| owner.user),
        ip: client.ip,
        details: json!({ "challenge": challenge.id, "reason": reason }),
    };
    audit::record_alone(conn, &entry).await
}
