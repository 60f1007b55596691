//! Who may try how often. The numbers stand in `config/limits.rs`.
//!
//! Each check is a statement of its own, before the work it protects: a request that then fails,
//! or whose transaction is rolled back, has been counted. Unknown accounts use up the same buckets
//! as known ones.

use std::{net::IpAddr, time::Duration};

use uuid::Uuid;

use crate::{
    config::{Limited, LimitsConfig},
    domain::{Error, Result, users::Email},
    infrastructure::{
        db::Db,
        denied::Denied,
        repository::rate_limit::{self, Bucket, Try},
        security::Pseudonyms,
    },
};

#[derive(Debug)]
pub struct Limits<'a> {
    pub(crate) db: &'a Db,
    pub(crate) denied: &'a Denied,
    pub(crate) settings: &'a LimitsConfig,
    pub(crate) pseudonyms: Pseudonyms,
}

impl Limits<'_> {
    /// # Errors
    /// `RateLimited`, as of all the others here.
    pub async fn sign_up(&self, ip: Option<IpAddr>) -> Result<()> {
        let bucket = Bucket { name: "sign_up.address", key: self.pseudonyms.of_address(ip) };
        self.admit(&[self.attempt(Limited::SignUpAddress, bucket)]).await
    }

    /// Counts the try among the account's failures, too, before anyone knows what becomes of it: of any
    /// number at once only so many are let in. A success forgets them all.
    pub async fn sign_in(&self, email: &Email, ip: Option<IpAddr>) -> Result<()> {
        let address = Bucket { name: "sign_in.address", key: self.pseudonyms.of_address(ip) };
        let key = self.pseudonyms.of_account_at(email.as_str().as_bytes(), ip);
        let account = Bucket { name: "sign_in.account", key };
        self.admit(&[
            self.attempt(Limited::SignInAddress, address),
            self.attempt(Limited::SignInAccount, account),
            self.attempt(Limited::SignInFailures, self.failures(email)),
        ])
        .await
    }

    pub async fn password_change(&self, user: Uuid, ip: Option<IpAddr>) -> Result<()> {
        let key = self.pseudonyms.of_account_at(user.as_bytes(), ip);
        let here = Bucket { name: "password_change", key };
        // Whoever has a stolen token may have many addresses, too.
        let anywhere = Bucket { name: "password_change.user", key: self.pseudonyms.of_user(user) };
        self.admit(&[
            self.attempt(Limited::PasswordChange, here),
            self.attempt(Limited::PasswordChangeUser, anywhere),
        ])
        .await
    }

    /// Where an account's failures are counted; forgotten when it signs in.
    pub(crate) fn failures(&self, email: &Email) -> Bucket {
        Bucket { name: "sign_in.failures", key: self.pseudonyms.of_account(email) }
    }

    /// What the audit log calls an account that may not exist.
    pub(crate) fn pseudonym(&self, email: &Email) -> String {
        self.pseudonyms.of_account(email).to_string()
    }

    fn attempt(&self, limited: Limited, bucket: Bucket) -> Try {
        Try { bucket, limit: self.settings.of(limited) }
    }

    async fn admit(&self, tries: &[Try]) -> Result<()> {
        let longest = |waits: Vec<Duration>| match waits.into_iter().max() {
            None => Ok(()),
            Some(retry_after) => Err(Error::RateLimited { retry_after }),
        };
        longest(tries.iter().filter_map(|one| self.denied.still(&one.bucket)).collect())?;
        let verdicts = rate_limit::take(&self.db.conn().await?, tries).await?;
        let refused = tries.iter().zip(verdicts).filter(|(_, verdict)| !verdict.allowed);
        let note = |(one, verdict): (&Try, rate_limit::Verdict)| {
            self.denied.note(one.bucket, verdict.retry_after);
            verdict.retry_after
        };
        longest(refused.map(note).collect())
    }
}
