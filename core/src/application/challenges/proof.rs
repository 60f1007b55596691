//! The one way in which an address becomes proved. Every flow that proves one calls it, and no body names it.

use time::OffsetDateTime;

use super::Redeemed;
use crate::{
    domain::{Result, auth::RevokeReason},
    infrastructure::{
        repository::{api_keys, sessions, sign_in_places, users},
        tx::Tx,
    },
};

/// What came with the secret from the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Something of whoever signed up: a session, the verifier of the sign-up, or the password.
    WithCredential,
    /// Nothing. The account may have been made by somebody else, with the address of this mailbox.
    MailboxAlone,
}

/// Notes that the address of the account is proved. Returns whether that is the first proof.
///
/// At the first proof by the mailbox alone, it ends every credential from before: whoever signed up with
/// another person's address must not keep a way in. The data stays.
pub(super) async fn prove_email(
    tx: &mut Tx<'_>,
    redeemed: &Redeemed<'_>,
    proof: Proof,
    now: OffsetDateTime,
) -> Result<bool> {
    let user = redeemed.user;
    let first = users::mark_email_verified(&*tx, user, now).await?;
    if first && proof == Proof::MailboxAlone {
        users::remove_credentials(&*tx, user).await?;
        sessions::revoke_all(&*tx, user, None, RevokeReason::FirstProof, now).await?;
        api_keys::revoke_all(&*tx, user, now).await?;
        sign_in_places::forget(&*tx, user, None).await?;
    }
    Ok(first)
}
