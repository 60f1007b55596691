//! Who may try how often. The numbers stand in `config/limits.rs`.
//!
//! Each check is a statement of its own, before the work it protects: a request that then fails,
//! or whose transaction is rolled back, has been counted. Unknown accounts use up the same buckets
//! as known ones.

use std::{net::IpAddr, time::Duration};

use uuid::Uuid;

use crate::{
    config::{Limited, LimitsConfig},
    domain::{Error, Result, rate_limit::Span, users::Email},
    infrastructure::{
        db::Db,
        denied::Denied,
        repository::rate_limit::{self, Bucket, ByPlace, Try, Verdict},
        security::{Pseudonym, Pseudonyms},
    },
};

#[derive(Debug)]
pub struct Limits<'a> {
    pub(crate) db: &'a Db,
    pub(crate) denied: &'a Denied,
    pub(crate) settings: &'a LimitsConfig,
    pub(crate) pseudonyms: Pseudonyms,
}

/// A try to sign in that may go on.
#[derive(Debug)]
pub struct Admitted {
    /// Where the account's tries were counted; forgotten when it signs in.
    pub(crate) counted: Vec<Bucket>,
    /// What this place is called, in case the user signs in.
    pub(crate) place: Pseudonym,
    /// Whether the account has no more tries left from places that it does not know, or from all that
    /// it knows.
    pub(crate) was_last: bool,
}

impl Limits<'_> {
    /// # Errors
    /// `RateLimited`, as of all the others here.
    pub async fn sign_up(&self, ip: Option<IpAddr>) -> Result<()> {
        self.admit(&self.at_address(Limited::SignUpAddress, "sign_up.address", ip)).await
    }

    /// Counts a try to sign in. From a place where the user has signed in lately, it counts for the
    /// address, for the account from there, and for the account from all such places. So nobody elsewhere
    /// can use up the user's tries. From any other place it counts for the address and its networks, for
    /// the account from there, and among the account's failures from anywhere. It is counted before anyone
    /// knows what becomes of it: of any number at once only so many are let in. A success forgets the
    /// failures, but never what all known places together have used. Otherwise an attacker could make each
    /// part of a rented network known to the attacker's own account.
    pub async fn sign_in(&self, email: &Email, ip: Option<IpAddr>) -> Result<Admitted> {
        let place = self.place(email, ip);
        let at_address = self.at_address(Limited::SignInAddress, "sign_in.address", ip);
        let of_account = |name| Bucket { name, key: self.pseudonyms.of_account(email) };
        // The spans that a place may have, with the same numbers as those of an unknown place.
        let here = self.account_at("sign_in.known", &[Span::Address, Span::Site], email, ip);
        let mut known = vec![at_address[0]];
        known.extend(&here);
        known.push(self.attempt(Limited::SignInKnown, of_account("sign_in.all_known")));
        let failures = of_account("sign_in.failures");
        let mut unknown = at_address;
        unknown.extend(self.account_at("sign_in.account", &Span::ALL, email, ip));
        unknown.push(self.attempt(Limited::SignInFailures, failures));

        // Only the database knows whether the place is known. Whoever would have to wait in either case
        // is told so without it. Whoever need not wait if it is known is asked about, and pays with a try
        // of its address: after a few tries it has to wait in either case.
        let (known_wait, unknown_wait) = (self.still(&known), self.still(&unknown));
        if let (Some(known_wait), Some(unknown_wait)) = (known_wait, unknown_wait) {
            return Err(Error::RateLimited { retry_after: known_wait.max(unknown_wait) });
        }
        let asked: &[Try] = if unknown_wait.is_some() { &unknown[..1] } else { &unknown };
        let ask = ByPlace { place, known: &known, unknown: asked };
        let (is_known, verdicts) = rate_limit::take_by_place(&self.db.conn().await?, &ask).await?;
        self.all_allowed(if is_known { &known } else { asked }, &verdicts)?;
        if let (false, Some(retry_after)) = (is_known, unknown_wait) {
            return Err(Error::RateLimited { retry_after });
        }
        let counted = if is_known { here.iter().map(|one| one.bucket).collect() } else { vec![failures] };
        let was_last = verdicts.last().is_some_and(|verdict| !verdict.retry_after.is_zero());
        Ok(Admitted { counted, place, was_last })
    }

    pub async fn password_change(&self, user: Uuid, ip: Option<IpAddr>) -> Result<()> {
        let prefix = Span::Address.prefix(ip).unwrap_or_default();
        let key = self.pseudonyms.of_account_at(user.as_bytes(), &prefix);
        let here = Bucket { name: "password_change", key };
        // Whoever has a stolen token may have many addresses, too.
        let anywhere = Bucket { name: "password_change.user", key: self.pseudonyms.of_user(user) };
        self.admit(&[
            self.attempt(Limited::PasswordChange, here),
            self.attempt(Limited::PasswordChangeUser, anywhere),
        ])
        .await
    }

    /// Returns the name of the place from where a user signs in.
    pub(crate) fn place(&self, email: &Email, ip: Option<IpAddr>) -> Pseudonym {
        self.pseudonyms.of_account_at(email.canonical().as_bytes(), &Span::place(ip))
    }

    /// What the audit log calls an account that may not exist.
    pub(crate) fn pseudonym(&self, email: &Email) -> String {
        self.pseudonyms.of_account(email).to_string()
    }

    /// One try for the address and for each network around it. A network may do as much as a few
    /// addresses. The address comes first.
    fn at_address(&self, limited: Limited, name: &'static str, ip: Option<IpAddr>) -> Vec<Try> {
        let one = |span: Span| {
            let bucket = Bucket { name, key: self.pseudonyms.of_network(&span.prefix(ip)?) };
            Some(Try { bucket, limit: self.settings.of(limited).for_many(span.callers()) })
        };
        Span::ALL.into_iter().filter_map(one).collect()
    }

    /// The same for one account. However large the network, in the long run it may try no more often
    /// than one address: an account has one owner.
    fn account_at(&self, name: &'static str, spans: &[Span], email: &Email, ip: Option<IpAddr>) -> Vec<Try> {
        let limit = self.settings.of(Limited::SignInAccount);
        let one = |span: &Span| {
            let key = self.pseudonyms.of_account_at(email.canonical().as_bytes(), &span.prefix(ip)?);
            Some(Try { bucket: Bucket { name, key }, limit: limit.with_bursts(span.callers()) })
        };
        spans.iter().filter_map(one).collect()
    }

    fn attempt(&self, limited: Limited, bucket: Bucket) -> Try {
        Try { bucket, limit: self.settings.of(limited) }
    }

    async fn admit(&self, tries: &[Try]) -> Result<()> {
        if let Some(retry_after) = self.still(tries) {
            return Err(Error::RateLimited { retry_after });
        }
        let verdicts = rate_limit::take(&self.db.conn().await?, tries).await?;
        self.all_allowed(tries, &verdicts)
    }

    /// How much longer this instance knows that one of these has to wait.
    fn still(&self, tries: &[Try]) -> Option<Duration> {
        tries.iter().filter_map(|one| self.denied.still(&one.bucket)).max()
    }

    fn all_allowed(&self, tries: &[Try], verdicts: &[Verdict]) -> Result<()> {
        match tries.iter().zip(verdicts).find(|(_, verdict)| !verdict.allowed) {
            None => Ok(()),
            Some((refused, &Verdict { retry_after, .. })) => {
                self.denied.note(refused.bucket, retry_after);
                Err(Error::RateLimited { retry_after })
            }
        }
    }
}
