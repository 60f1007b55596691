//! Rate limits. `config/limits.rs` has the numbers.
//!
//! Each check is a separate statement before the work that it protects. So a request counts even if it
//! fails later or its transaction is rolled back. Unknown accounts use the same buckets as known accounts.

use std::{net::IpAddr, time::Duration};

use uuid::Uuid;

use crate::{
    config::{Limited, LimitsConfig},
    domain::{
        Error, Result,
        rate_limit::Span,
        users::{Account, Phone},
    },
    infrastructure::{
        db::{Conn, Db},
        denied::Denied,
        repository::rate_limit::{self, Bucket, ByPlace, Known, Try, Verdict},
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

/// An attempt to sign in that the limits allow.
#[derive(Debug)]
pub struct Admitted {
    /// The buckets that counted the account's attempts. A successful sign-in empties them.
    pub(crate) counted: Vec<Bucket>,
    /// The name of this place, which is stored if the user signs in.
    pub(crate) place: Pseudonym,
    /// Whether this was the account's last attempt from unknown places, or the last from all known places.
    pub(crate) was_last: bool,
}

impl Limits<'_> {
    /// # Errors
    /// `RateLimited`, like all other checks here.
    pub async fn sign_up(&self, ip: Option<IpAddr>) -> Result<()> {
        self.admit(&self.at_address(Limited::SignUpAddress, "sign_up.address", ip)).await
    }

    /// Counts an attempt to sign in.
    ///
    /// A place is known if the user has signed in there recently. An attempt from a known place counts for
    /// the address, for the account at this place, and for the account at all known places. So nobody
    /// elsewhere can use up the user's attempts. An attempt from any other place counts for the address and
    /// its networks, for the account at this place, and for the account's failures from anywhere.
    ///
    /// The attempt counts before its outcome is known, so the limits also hold for attempts at the same time.
    /// A success empties the buckets of failures, but not the bucket of all known places. Otherwise an
    /// attacker could make each part of a rented network a known place of the attacker's account.
    pub async fn sign_in(&self, account: &dyn Account, ip: Option<IpAddr>) -> Result<Admitted> {
        let place = self.place(account, ip);
        let at_address = self.at_address(Limited::SignInAddress, "sign_in.address", ip);
        let of_account = |name| Bucket { name, key: self.pseudonyms.of_account(account) };
        // All spans of a known place, with the same numbers as for an unknown place.
        let here = self.account_at("sign_in.known", &[Span::Address, Span::Site], account, ip);
        let mut known = vec![at_address[0]];
        known.extend(&here);
        known.push(self.attempt(Limited::SignInKnown, of_account("sign_in.all_known")));
        let failures = of_account("sign_in.failures");
        let mut unknown = at_address;
        unknown.extend(self.account_at("sign_in.account", &Span::ALL, account, ip));
        unknown.push(self.attempt(Limited::SignInFailures, failures));

        // Of an account that has not proved its address, too: a stranger must not keep its user out.
        let (is_known, verdicts) = self.admit_by_place((place, Known::OfAnybody), &known, &unknown).await?;
        let counted = if is_known { here.iter().map(|one| one.bucket).collect() } else { vec![failures] };
        let was_last = verdicts.last().is_some_and(|verdict| !verdict.retry_after.is_zero());
        Ok(Admitted { counted, place, was_last })
    }

    pub async fn password_change(&self, user: Uuid, ip: Option<IpAddr>) -> Result<()> {
        let prefix = Span::Address.prefix(ip).unwrap_or_default();
        let key = self.pseudonyms.of_account_at(user.as_bytes(), &prefix);
        let here = Bucket { name: "password_change", key };
        // An attacker with a stolen token may have many addresses.
        let anywhere = Bucket { name: "password_change.user", key: self.pseudonyms.of_user(user) };
        self.admit(&[
            self.attempt(Limited::PasswordChange, here),
            self.attempt(Limited::PasswordChangeUser, anywhere),
        ])
        .await
    }

    /// Counts one ask of a stranger for a link or a code that goes to `subject`, a canonical address or number.
    ///
    /// It counts for the network address, for the subject at this address, and for the subject from everywhere.
    /// At a place where the user of the subject has signed in lately, it counts for the address and for the
    /// subject at this place. So nobody elsewhere can use up the user's asks. The user must have proved the subject:
    /// anybody can sign up with it, sign in at many places, and ask there for text messages that cost money. Unknown
    /// subjects use the same buckets.
    pub async fn ask(&self, subject: &str, ip: Option<IpAddr>) -> Result<()> {
        self.ask_at(self.at_address(Limited::AskAddress, "ask.address", ip), subject, ip).await
    }

    /// Does what [`Self::ask`] does, for a code to sign in with. People ask for these all day, so a network address
    /// may ask for more of them.
    pub async fn ask_for_code(&self, subject: &str, ip: Option<IpAddr>) -> Result<()> {
        self.ask_at(self.at_address(Limited::CodeAddress, "ask.code_address", ip), subject, ip).await
    }

    async fn ask_at(&self, at_address: Vec<Try>, subject: &str, ip: Option<IpAddr>) -> Result<()> {
        let whose = match Phone::parse(subject) {
            Ok(_) => Known::OfProvedPhone,
            Err(_) => Known::OfProvedEmail,
        };
        let subject = subject.as_bytes();
        let place = self.pseudonyms.of_account_at(subject, &Span::place(ip));
        let prefix = Span::Address.prefix(ip).unwrap_or_default();
        let here = self.pseudonyms.of_account_at(subject, &prefix);
        let anywhere = self.pseudonyms.of_subject(subject);
        let one = |limited, name, key| self.attempt(limited, Bucket { name, key });
        let mut unknown = at_address;
        let known = [unknown[0], one(Limited::AskSubjectHere, "ask.known", place)];
        unknown.extend([
            one(Limited::AskSubjectHere, "ask.here", here),
            one(Limited::AskSubject, "ask.subject", anywhere),
            one(Limited::AskSubjectDay, "ask.subject_day", anywhere),
        ]);
        self.admit_by_place((place, whose), &known, &unknown).await.map(drop)
    }

    /// Counts one ask of a signed-in user for a mail to their own address.
    ///
    /// It shares no bucket with [`Self::ask`]. So a flood of strangers does not stop the user, and somebody who has
    /// signed up with another person's address does not stop that person's reset.
    pub async fn ask_as_user(&self, user: Uuid, ip: Option<IpAddr>) -> Result<()> {
        let mut tries = self.at_address(Limited::AskAddress, "ask_as_user.address", ip);
        tries.extend(self.asks_of_user(user, ip));
        self.admit(&tries).await
    }

    /// Does the same for a task that asks for a user, on the connection of the task. A task has no network address.
    pub async fn ask_for_user(&self, conn: &Conn, user: Uuid) -> Result<()> {
        self.admit_on(conn, &self.asks_of_user(user, None)).await
    }

    fn asks_of_user(&self, user: Uuid, ip: Option<IpAddr>) -> [Try; 3] {
        let prefix = Span::Address.prefix(ip).unwrap_or_default();
        let here = self.pseudonyms.of_account_at(user.as_bytes(), &prefix);
        let anywhere = self.pseudonyms.of_user(user);
        let one = |limited, name, key| self.attempt(limited, Bucket { name, key });
        [
            one(Limited::AskSubjectHere, "ask_as_user.here", here),
            one(Limited::AskSubject, "ask_as_user.user", anywhere),
            one(Limited::AskSubjectDay, "ask_as_user.day", anywhere),
        ]
    }

    /// Counts one link or code that is sent back. No bucket counts by subject: otherwise anybody could stop
    /// the owner.
    pub async fn redeem(&self, ip: Option<IpAddr>) -> Result<()> {
        self.admit(&self.at_address(Limited::RedeemAddress, "redeem.address", ip)).await
    }

    /// Returns the buckets that hold the failed sign-ins of an account: from anywhere, and from this address
    /// and its networks. They are emptied for a user who has proved otherwise who they are.
    pub(crate) fn failures(&self, account: &dyn Account, ip: Option<IpAddr>) -> Vec<Bucket> {
        let anywhere = Bucket { name: "sign_in.failures", key: self.pseudonyms.of_account(account) };
        let here = self.account_at("sign_in.account", &Span::ALL, account, ip);
        here.into_iter().map(|one| one.bucket).chain([anywhere]).collect()
    }

    /// Returns the name of the place from where a user signs in.
    pub(crate) fn place(&self, account: &dyn Account, ip: Option<IpAddr>) -> Pseudonym {
        self.pseudonyms.of_account_at(account.canonical().as_bytes(), &Span::place(ip))
    }

    /// Returns the name of an account, which may not exist, for the audit log.
    pub(crate) fn pseudonym(&self, account: &dyn Account) -> String {
        self.pseudonyms.of_account(account).to_string()
    }

    /// Returns one use for the address and one for each network around it, the address first. A network
    /// may do as much as a few addresses.
    fn at_address(&self, limited: Limited, name: &'static str, ip: Option<IpAddr>) -> Vec<Try> {
        let one = |span: Span| {
            let bucket = Bucket { name, key: self.pseudonyms.of_network(&span.prefix(ip)?) };
            Some(Try { bucket, limit: self.settings.of(limited).for_many(span.callers()) })
        };
        Span::ALL.into_iter().filter_map(one).collect()
    }

    /// Returns the same uses for one account. In the long run a network may try no more often than one
    /// address, because an account has one owner.
    fn account_at(
        &self,
        name: &'static str,
        spans: &[Span],
        account: &dyn Account,
        ip: Option<IpAddr>,
    ) -> Vec<Try> {
        let limit = self.settings.of(Limited::SignInAccount);
        let one = |span: &Span| {
            let key = self.pseudonyms.of_account_at(account.canonical().as_bytes(), &span.prefix(ip)?);
            Some(Try { bucket: Bucket { name, key }, limit: limit.with_bursts(span.callers()) })
        };
        spans.iter().filter_map(one).collect()
    }

    fn attempt(&self, limited: Limited, bucket: Bucket) -> Try {
        Try { bucket, limit: self.settings.of(limited) }
    }

    /// Takes one use from each bucket of one of two lists: `known` if the user has signed in from the place lately.
    /// Both begin with the bucket of the address. Returns whether the place is known, and the verdicts.
    ///
    /// Only the database can tell whether the place is known. If the caller has to wait in both cases, the database is
    /// not asked. If only an unknown place has to wait, the question costs one attempt of the address. So after a few
    /// attempts the caller has to wait in both cases.
    async fn admit_by_place(
        &self,
        (place, whose): (Pseudonym, Known),
        known: &[Try],
        unknown: &[Try],
    ) -> Result<(bool, Vec<Verdict>)> {
        let (known_wait, unknown_wait) = (self.still(known), self.still(unknown));
        if let (Some(known_wait), Some(unknown_wait)) = (known_wait, unknown_wait) {
            return Err(Error::RateLimited { retry_after: known_wait.max(unknown_wait) });
        }
        let unknown = if unknown_wait.is_some() { &unknown[..1] } else { unknown };
        let ask = ByPlace { place, whose, known, unknown };
        let (is_known, verdicts) = rate_limit::take_by_place(&self.db.conn().await?, &ask).await?;
        self.all_allowed(if is_known { known } else { unknown }, &verdicts)?;
        match unknown_wait {
            Some(retry_after) if !is_known => Err(Error::RateLimited { retry_after }),
            _ => Ok((is_known, verdicts)),
        }
    }

    async fn admit(&self, tries: &[Try]) -> Result<()> {
        self.wait_over(tries)?;
        self.admit_on(&self.db.conn().await?, tries).await
    }

    async fn admit_on(&self, conn: &Conn, tries: &[Try]) -> Result<()> {
        self.wait_over(tries)?;
        let verdicts = rate_limit::take(conn, tries).await?;
        self.all_allowed(tries, &verdicts)
    }

    /// Refuses without the database whom this instance has told to wait.
    fn wait_over(&self, tries: &[Try]) -> Result<()> {
        self.still(tries).map_or(Ok(()), |retry_after| Err(Error::RateLimited { retry_after }))
    }

    /// Returns how long one of these buckets still refuses, if this instance knows it without asking.
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
