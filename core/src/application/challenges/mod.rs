//! Challenges: one-time links and codes. One table and one rule for every purpose.
//!
//! The way of a challenge: [`Challenges::ask`] stores a row and starts the task `send_challenge`; the worker
//! computes the secret from the row and sends it; [`Challenges::judge`] compares what comes back;
//! [`Challenges::redeem`] uses the row up in the transaction of its effects.
//!
//! # How to add a purpose
//!
//! 1. Add a variant to [`Purpose`](crate::domain::auth::challenge::Purpose). The compiler then asks for its
//!    lifetimes, for its action in the audit log, for what ends it (`Holds`), and for what it takes from others
//!    (`Moved`).
//! 2. Add the mail to `application/tasks/send_challenge.rs`. The compiler asks for it, too.
//! 3. Add a file here with the two ends. The asking end counts before it does anything:
//!    - For somebody who is not signed in, with `Limits::ask`. Then `ask_address` does the same work for known and
//!      unknown addresses.
//!    - For a signed-in user, with `Limits::ask_as_user` if the message goes to an address that the account has, or
//!      else with `Limits::ask`. Then `ask_in_session` makes sure that the session has not ended.
//!
//!    The redeeming end counts with `Limits::redeem`, calls `judge`, then checks the rest of the request and hashes
//!    passwords, and does its effects in the closure of `redeem`. The statement of an effect that changes what proves
//!    who the user is also raises `users.epoch`, which ends the user's other challenges.
//! 4. Add the two endpoints with `cargo xtask new endpoint`. The redeeming one declares `Need::Challenges`.
//!
//! A link stands alone. A code counts only together with its asker: the verifier of the client that asked, or a
//! session of the same user.

mod ask;
mod change_email;
mod deletion;
mod password_reset;
mod phone;
mod phone_removal;
mod proof;
mod redeem;
mod sign_in;
mod step_up;
mod undo_email;
mod verify_email;

pub use ask::Ask;
pub use deletion::Deletion;
pub use password_reset::Reset;
pub use phone::FromPhone;
pub(crate) use proof::{Proof, prove_email};
pub use redeem::{FromMail, Judged, Presented, Redeemed};
pub(crate) use step_up::of_session;
pub use verify_email::Verification;

use time::OffsetDateTime;

use crate::{domain::clock::Clock, infrastructure::db::Db};

pub struct Challenges<'a> {
    pub(crate) db: &'a Db,
    pub(crate) clock: &'a dyn Clock,
}

impl Challenges<'_> {
    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

impl std::fmt::Debug for Challenges<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenges").finish_non_exhaustive()
    }
}
