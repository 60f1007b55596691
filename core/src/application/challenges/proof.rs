//! How an address becomes proved. Every flow that proves one calls this file, and no body names it.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Redeemed;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{Client, RevokeReason},
        users::Email,
    },
    infrastructure::{
        repository::{
            api_keys, audit, credentials, moved_emails, sessions, sign_in_places,
            users::{self, Holder},
        },
        tx::Tx,
    },
};

/// What came with the secret from the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Something of the person who signed up: a session, the verifier of the sign-up, or the password.
    WithCredential,
    /// Nothing. The account may have been made by somebody else, with the address of this mailbox.
    MailboxAlone,
}

/// What a proof of an address has done.
#[derive(Debug)]
pub(crate) struct Proved {
    /// Whether it was the first proof.
    pub(crate) first: bool,
    /// What it has ended, if it ended all credentials from before.
    pub(crate) ended: Option<Ended>,
}

/// How many sessions and API keys were ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) sessions: u64,
    pub(crate) keys: u64,
}

/// Notes that the address of the account is proved.
///
/// At the first proof by the mailbox alone, it ends every credential from before: the person who signed up with
/// another person's address must not keep a way in. The epoch rises then, and the data stays.
pub(crate) async fn prove_email(
    tx: &mut Tx<'_>,
    redeemed: &Redeemed<'_>,
    proof: Proof,
    now: OffsetDateTime,
) -> Result<Proved> {
    let user = redeemed.user;
    let first = users::mark_email_verified(&*tx, user, now).await?;
    let mut ended = None;
    if first && proof == Proof::MailboxAlone {
        credentials::remove(&*tx, user).await?;
        ended = Some(end_access(tx, user, false, RevokeReason::FirstProof, now).await?);
    }
    Ok(Proved { first, ended })
}

/// Ends all sessions of a user, and the API keys unless they are to stay. Forgets where the user has signed in.
pub(crate) async fn end_access(
    tx: &mut Tx<'_>,
    user: Uuid,
    keep_api_keys: bool,
    reason: RevokeReason,
    now: OffsetDateTime,
) -> Result<Ended> {
    let sessions = sessions::revoke_all(&*tx, user, None, reason, now).await?;
    let keys = if keep_api_keys { 0 } else { api_keys::revoke_all(&*tx, user, now).await? };
    sign_in_places::forget(&*tx, user, None).await?;
    Ok(Ended { sessions, keys })
}

/// Gives the account another address, which is proved by this link or code. Takes it from an account that has not
/// proved it, and ends the sessions and API keys of that account, whose data stays.
///
/// # Errors
/// `AlreadyExists` with `email` when another account has proved the address. Also when somebody signed up with it
/// at this moment: the caller tries again.
pub(super) async fn move_email(
    tx: &mut Tx<'_>,
    redeemed: &Redeemed<'_>,
    email: &Email,
    client: Client<'_>,
    now: OffsetDateTime,
) -> Result<()> {
    let user = redeemed.user;
    for Holder { user: other, is_proved } in moved_emails::holders(&*tx, email).await? {
        if other == user {
            continue;
        }
        if is_proved {
            return Err(Error::AlreadyExists("email".into()));
        }
        take_from(tx, other, user, client, now).await?;
    }
    moved_emails::give(&*tx, user, email, now).await?;
    // They are named after the old address, which somebody else may have from now on.
    sign_in_places::forget(&*tx, user, None).await
}

/// Leaves a user who had not proved the address without it, and without a way in that it opened.
///
/// # Errors
/// `AlreadyExists` with `email` when that user has proved it in this moment.
async fn take_from(
    tx: &mut Tx<'_>,
    other: Uuid,
    user: Uuid,
    client: Client<'_>,
    now: OffsetDateTime,
) -> Result<()> {
    if !moved_emails::vacate(&*tx, other).await? {
        return Err(Error::AlreadyExists("email".into()));
    }
    let ended = end_access(tx, other, false, RevokeReason::AddressTaken, now).await?;
    let entry = Entry::by(user, Action::EmailTaken, other, client.ip);
    audit::record(tx, &entry.with(json!({ "ended": ended.sessions, "keys": ended.keys })));
    Ok(())
}
