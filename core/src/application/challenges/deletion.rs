//! Users delete their own accounts, and take that back within the grace period.
//!
//! The mark is `users.deleted_at`, and never `is_active`: a user whom an administrator has banned stays banned after
//! a restore. `application/tasks/erase_users.rs` erases the user when the grace period has ended.

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Ask, Challenges, Presented, Redeemed,
    proof::{self, Ended},
};
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{
            Client, RevokeReason, Token,
            challenge::{LinkToken, Purpose},
        },
        mask::Secret,
        users::{Account, User},
    },
    infrastructure::{
        messaging::Outgoing,
        repository::{audit, challenges, sessions, users},
        security::ChallengeKeys,
        tx::Tx,
    },
};

/// A deletion that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Deletion {
    pub deleted_at: OffsetDateTime,
    /// From then on the user cannot be restored.
    pub restorable_until: OffsetDateTime,
}

impl Challenges<'_> {
    /// Marks a user as deleted: ends all sessions and API keys, and every other link and code. Sends a link that
    /// restores the account. It holds until the grace period ends.
    ///
    /// # Errors
    /// `Unauthenticated` when the session was ended in the meantime, or the user may not sign in any more.
    pub async fn delete_account(
        &self,
        token: &Token,
        grace: Duration,
        client: Client<'_>,
    ) -> Result<(Deletion, Vec<Outgoing>)> {
        let (user, now) = (token.user, self.now());
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        let present = sessions::lock_with_user(&tx, token, now).await?;
        let subject = address(&present);
        // Asked for before the mark, because nobody can ask for a deleted user.
        let ask = Ask { lifetime: grace, ..Ask::new(Purpose::Restore, Some(user), &subject) };
        let challenge = self.ask(&mut tx, &ask).await?;
        let deleted_at = users::mark_deleted(&tx, user, challenge)
            .await?
            .ok_or(Error::Unauthenticated("the user may not sign in any more"))?;
        let Ended { sessions, keys } =
            proof::end_access(&mut tx, user, false, RevokeReason::Deleted, now).await?;
        let entry = Entry::own(Action::DeletionAsked, user, client.ip);
        audit::record(
            &mut tx,
            &entry.with(json!({ "challenge": challenge, "ended": sessions, "keys": keys })),
        );
        let deletion = Deletion { deleted_at, restorable_until: deleted_at + grace };
        Ok((deletion, tx.commit().await?))
    }

    /// Returns the token that takes a deletion back. It is the same as in the mail.
    ///
    /// # Errors
    /// `Unavailable` when the challenge has gone in this moment.
    pub async fn restore_token(&self, keys: &ChallengeKeys, challenge: Uuid) -> Result<Secret<String>> {
        let conn = self.db.conn().await?;
        let found = challenges::find_with_key(&conn, challenge, keys.kid()).await?;
        let found = found.ok_or_else(|| Error::unavailable("challenge", "the deletion was taken back"))?;
        Ok(keys.link(&found)?.reveal())
    }

    /// Takes a deletion back. Sessions and keys stay ended. A user who is banned stays banned.
    ///
    /// # Errors
    /// `Validation` naming `token`, whatever is wrong with it: unknown, used, expired, or of an earlier deletion.
    pub async fn restore_account(
        &self,
        keys: &ChallengeKeys,
        token: &LinkToken,
        client: Client<'_>,
    ) -> Result<()> {
        let judged = self.judge(keys, Purpose::Restore, &Presented::Link(token), client).await?;
        let restore = async |tx: &mut Tx<'_>, redeemed: &Redeemed<'_>| {
            users::unmark_deleted(&*tx, redeemed.user).await?;
            let entry = Entry::own(Action::DeletionUndone, redeemed.user, client.ip);
            audit::record(tx, &entry.with(json!({ "challenge": redeemed.challenge.id })));
            Ok(())
        };
        self.redeem(&judged, client, restore).await.map(drop)
    }
}

/// Returns the subject of the challenge: the canonical address, or else the number. A user without an address gets no
/// mail, and restores the account by signing in.
fn address(user: &User) -> String {
    user.handle().map_or_else(String::new, |handle| handle.canonical().to_owned())
}
