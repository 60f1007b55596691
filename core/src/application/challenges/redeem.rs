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
            challenge::{Challenge, Code, Kind, LinkToken, Owner, Purpose},
        },
    },
    infrastructure::{
        db::Conn,
        messaging::Outgoing,
        repository::{
            audit,
            challenges::{self, Asker},
        },
        security::ChallengeKeys,
        tx::Tx,
    },
};

/// What a caller presents.
#[derive(Debug)]
pub enum Presented<'a> {
    /// The token of a link. It stands alone.
    Link(&'a LinkToken),
    /// A code, and who asked for it.
    Code { id: Uuid, kind: Kind, code: &'a Code, asker: Asker },
}

impl Presented<'_> {
    fn id(&self) -> Uuid {
        match self {
            Self::Link(token) => token.id,
            Self::Code { id, .. } => *id,
        }
    }

    /// Returns the field of the request that holds the secret.
    fn field(&self) -> &'static str {
        match self {
            Self::Link(_) => "token",
            Self::Code { .. } => "code",
        }
    }
}

/// A challenge whose secret the caller knows. It is not used up yet. Only [`Challenges::judge`] makes one.
#[derive(Debug)]
pub struct Judged {
    challenge: Challenge,
    field: &'static str,
}

impl Judged {
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Returns the error of a challenge that cannot be used, whatever the reason.
    pub fn refused(&self) -> Error {
        Error::invalid(self.field, "wrong")
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
    /// Compares what a caller presents with the challenge. A code counts as an attempt, whatever becomes of the
    /// request. A link counts nothing, and may have been used before: see [`Challenge::used`].
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
        let found = match presented {
            Presented::Link(_) => challenges::find(&conn, id, purpose, now).await?,
            Presented::Code { asker, .. } => challenges::count(&conn, id, purpose, *asker, now).await?,
        };
        let is_right = match (&found, presented) {
            (None, _) => false,
            (Some(challenge), Presented::Link(token)) => keys.is_link(challenge, token)?,
            (Some(challenge), Presented::Code { kind, code, .. }) => keys.is_code(challenge, *kind, code)?,
        };
        let field = presented.field();
        match found {
            Some(challenge) if is_right => Ok(Judged { challenge, field }),
            found => {
                let user = found.and_then(|challenge| challenge.owner).map(|owner| owner.user);
                refuse(&conn, purpose, id, user, "wrong", client).await?;
                Err(Error::invalid(field, "wrong"))
            }
        }
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
        let user = challenge.owner.map(|owner| owner.user);
        refuse(&conn, challenge.purpose, challenge.id, user, why, client).await?;
        Err(judged.refused())
    }
}

/// Notes a refusal. The caller learns none of its reasons.
async fn refuse(
    conn: &Conn,
    purpose: Purpose,
    id: Uuid,
    user: Option<Uuid>,
    reason: &str,
    client: Client<'_>,
) -> Result<()> {
    let entry = Entry {
        action: purpose.action(),
        outcome: Outcome::Failure,
        actor: None,
        subject: user,
        ip: client.ip,
        details: json!({ "challenge": id, "reason": reason }),
    };
    audit::record_alone(conn, &entry).await
}
