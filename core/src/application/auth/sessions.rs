//! A user's own sessions: ending this one, others, all; listing them.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{Client, ListedSession, RevokeReason, Sid, Token},
    },
    infrastructure::{
        db::Tx,
        repository::{audit, sessions},
    },
};

impl Auth<'_> {
    /// Ends the session of this token, or all sessions of its user.
    pub async fn sign_out(&self, token: &Token, everywhere: bool, client: Client<'_>) -> Result<()> {
        let (user, now, reason) = (token.user, self.now(), RevokeReason::SignOut);
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let ended = if everywhere {
            sessions::revoke_all(&tx, user, None, reason, now).await?
        } else {
            sessions::revoke(&tx, user, &token.session, reason, now).await?.into()
        };
        let details = json!({ "session": token.session.as_str(), "everywhere": everywhere, "ended": ended });
        audit::record(&mut tx, &Entry::own(Action::SignOut, user, client.ip).with(details));
        tx.commit().await?;
        Ok(())
    }

    /// The live sessions of a user, the last used first.
    pub async fn list(&self, user: Uuid) -> Result<Vec<ListedSession>> {
        sessions::list(&self.db.conn().await?, user, self.now()).await
    }

    /// Ends one session of this user.
    ///
    /// # Errors
    /// `NotFound` when it is not live, or somebody else's.
    pub async fn revoke(&self, tx: &mut Tx<'_>, user: Uuid, id: &str, client: Client<'_>) -> Result<()> {
        let id = Sid::parse(id).ok_or(Error::NotFound("session"))?;
        if !sessions::revoke(&*tx, user, &id, RevokeReason::Revoked, self.now()).await? {
            return Err(Error::NotFound("session"));
        }
        let entry = Entry::own(Action::SessionRevoked, user, client.ip);
        audit::record(tx, &entry.with(json!({ "session": id.as_str() })));
        Ok(())
    }
}
