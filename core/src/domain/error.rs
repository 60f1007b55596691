//! The one error type. It says what went wrong, and not how a protocol reports it: status codes are in
//! `interfaces/gateway/report.rs`, batch failures in `interfaces/queue`.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use super::{
    detail::{BadParameter, Detail, Part},
    mask::Secret,
};

pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync>;

/// Collects the details of several checks, so that a caller learns all of them at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Detail>);

impl Faults {
    /// Returns the value, or notes the details of a `Validation`.
    ///
    /// # Errors
    /// Any other error: then the other checks do not matter.
    pub fn note<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Validation(details)) => {
                self.0.extend(details);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub fn add(&mut self, key: &str, reason: &'static str) {
        self.0.push(Detail::new(key, reason));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// `Validation` with all that was noted, if anything was. Each fault is named once.
    pub fn into_result(self) -> Result<()> {
        let mut details: Vec<Detail> = Vec::with_capacity(self.0.len());
        for detail in self.0 {
            if !details.contains(&detail) {
                details.push(detail);
            }
        }
        if details.is_empty() { Ok(()) } else { Err(Error::Validation(details)) }
    }
}

#[derive(Debug)]
pub enum Error {
    /// The input could not be read at all; the text says what to send instead.
    Malformed(Cow<'static, str>),
    /// A parameter of the query string cannot be used here. In a box, so that it does not enlarge every result.
    BadParameter(Box<BadParameter>),
    /// The input could be read, and some values are invalid. It lists all of them.
    Validation(Vec<Detail>),
    /// The values are refused for now. The same request may succeed later, so its `Idempotency-Key` stays usable.
    /// Callers see the same as for `Validation`.
    NotYet(Vec<Detail>),
    /// The caller has not proved who they are. The text is for the log; all callers see the same response.
    Unauthenticated(&'static str),
    /// The link is right, and something of the person who signed up must come with it, such as the password.
    PasswordNeeded,
    /// Somebody who may do this, but has to prove their own e-mail address first.
    EmailUnverified,
    /// The caller is known and lacks the permission.
    Forbidden,
    /// Somebody who may do this, but has to prove their identity again first.
    Reauthenticate,
    /// The right credentials of an account that will be erased; the token restores it.
    DeletionPending(Secret<String>),
    /// There is no such thing, or it is not the caller's.
    NotFound(&'static str),
    /// A unique value is taken; the word names the key.
    AlreadyExists(Cow<'static, str>),
    /// The thing exists, and its state does not allow this: it is paid already, for example. The word names the thing.
    WrongState(&'static str),
    /// More of a request than we read.
    TooLarge { part: Part, limit: usize },
    /// Not a media type that this endpoint reads.
    UnsupportedFormat,
    /// Too many requests; the caller may try again after this time.
    RateLimited { retry_after: Duration },
    /// The same request is still in progress; its response will be stored soon.
    InProgress,
    /// A dependency did not respond; the same call may succeed later.
    Unavailable { what: &'static str, source: Cause },
    /// A setting is wrong. The same call succeeds once an operator has corrected it.
    Configuration(String),
    /// A bug or something unforeseen.
    Internal(Cause),
}

impl Error {
    /// The key of a refusal that is about the person whom a message is for.
    pub const RECIPIENT: &str = "recipient";

    /// One wrong field. Use `Validation` directly for several.
    pub fn invalid(key: impl AsRef<str>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Validation(vec![Detail::new(key, reason)])
    }

    /// One field that is refused for now.
    pub fn not_yet(key: &str, reason: &'static str) -> Self {
        Self::NotYet(vec![Detail::new(key, reason)])
    }

    /// A parameter that cannot be used. `why` follows its key, which is shown only if it looks like a key.
    pub fn bad_parameter(key: &str, reason: &'static str, why: impl fmt::Display) -> Self {
        let detail = Detail::new(key, reason);
        Self::BadParameter(Box::new(BadParameter { why: format!("`{}` {why}", detail.key), detail }))
    }

    /// For a dependency (database, queue, secret store) that is down, slow or refuses.
    pub fn unavailable(what: &'static str, source: impl Into<Cause>) -> Self {
        Self::Unavailable { what, source: source.into() }
    }

    /// For a state that should be impossible.
    pub fn internal(source: impl Into<Cause>) -> Self {
        Self::Internal(source.into())
    }

    /// Returns the code for programs, which responses, logs and a task's error contain.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::BadParameter(_) => "malformed",
            Self::Validation(_) | Self::NotYet(_) => "validation",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::PasswordNeeded => "password_needed",
            Self::EmailUnverified => "email_unverified",
            Self::Forbidden => "forbidden",
            Self::Reauthenticate => "reauthenticate",
            Self::DeletionPending(_) => "deletion_pending",
            Self::NotFound(_) => "not_found",
            Self::AlreadyExists(_) => "already_exists",
            Self::WrongState(_) => "wrong_state",
            Self::TooLarge { .. } => "too_large",
            Self::UnsupportedFormat => "unsupported_media_type",
            Self::RateLimited { .. } => "rate_limited",
            Self::InProgress => "in_progress",
            Self::Unavailable { .. } => "unavailable",
            Self::Configuration(_) => "configuration",
            Self::Internal(_) => "internal",
        }
    }

    /// Whether the recipient of a message was refused. Anybody can type an address that does not exist, so no operator
    /// needs to hear of it.
    pub fn is_of_recipient(&self) -> bool {
        matches!(self, Self::Validation(details) if details.iter().all(|one| one.key == Self::RECIPIENT))
    }

    /// Whether the same work may succeed when it is simply tried again.
    ///
    /// Written without `_`, so that a new variant has to decide.
    pub fn retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::InProgress
            | Self::Unavailable { .. }
            | Self::Configuration(_)
            | Self::Internal(_) => true,
            Self::Malformed(_)
            | Self::BadParameter(_)
            | Self::Validation(_)
            | Self::NotYet(_)
            | Self::Unauthenticated(_)
            | Self::PasswordNeeded
            | Self::EmailUnverified
            | Self::Forbidden
            | Self::Reauthenticate
            | Self::DeletionPending(_)
            | Self::NotFound(_)
            | Self::AlreadyExists(_)
            | Self::WrongState(_)
            | Self::TooLarge { .. }
            | Self::UnsupportedFormat => false,
        }
    }

    /// The error and everything that caused it on one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let cause_text = cause.to_string();
            // Many libraries repeat their cause in their own text.
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "malformed input: {why}"),
            Self::BadParameter(bad) => write!(f, "malformed input: {}", bad.why),
            Self::Validation(details) | Self::NotYet(details) => {
                f.write_str("invalid input:")?;
                details.iter().try_for_each(|d| write!(f, " {} ({})", d.key, d.reason))
            }
            Self::Unauthenticated(why) => write!(f, "not authenticated: {why}"),
            Self::PasswordNeeded => f.write_str("the link came without a session, a verifier or a password"),
            Self::EmailUnverified => f.write_str("the caller's e-mail address is not confirmed"),
            Self::Forbidden => f.write_str("not allowed"),
            Self::Reauthenticate => f.write_str("no recent proof of identity"),
            Self::DeletionPending(_) => f.write_str("the account will be erased"),
            Self::NotFound(what) => write!(f, "{what} not found"),
            Self::AlreadyExists(key) => write!(f, "{key} is already taken"),
            Self::WrongState(what) => write!(f, "the state of the {what} does not allow this"),
            Self::TooLarge { part, limit } => write!(f, "more than {limit} {}", part.as_str()),
            Self::UnsupportedFormat => f.write_str("unsupported media type"),
            Self::RateLimited { retry_after } => write!(f, "too many requests, retry in {retry_after:?}"),
            Self::InProgress => f.write_str("a request with the same idempotency key is still in progress"),
            Self::Unavailable { what, .. } => write!(f, "{what} unavailable"),
            Self::Configuration(why) => write!(f, "configuration: {why}"),
            Self::Internal(_) => f.write_str("internal error"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable { source, .. } | Self::Internal(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_every_cause_once() {
        let error = Error::unavailable("database", std::io::Error::other("connection refused"));
        assert_eq!(error.chain(), "database unavailable: connection refused");
    }

    #[test]
    fn faults_are_collected_once_each_and_other_errors_end_the_work() {
        let mut faults = Faults::default();
        assert_eq!(faults.note(Ok(1)).expect("a value"), Some(1));
        for key in ["a", "b", "a"] {
            assert_eq!(faults.note::<()>(Err(Error::invalid(key, "type"))).expect("noted"), None);
        }
        assert!(matches!(faults.note::<()>(Err(Error::Forbidden)), Err(Error::Forbidden)));
        assert!(matches!(faults.into_result(), Err(Error::Validation(details)) if details.len() == 2));
        assert!(Faults::default().into_result().is_ok());
    }

    #[test]
    fn only_what_may_get_better_is_retryable() {
        assert!(Error::unavailable("queue", "down").retryable());
        assert!(Error::internal("surprise").retryable());
        assert!(!Error::invalid("email", "format").retryable());
        assert!(Error::Configuration("no key".into()).retryable());
    }
}
