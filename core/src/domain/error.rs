//! The one error type. It says what went wrong, never how a protocol answers it: status codes
//! live in `interfaces/http/error.rs`, batch failures in `interfaces/queue`.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// One thing that is wrong with what a caller sent: where and why, never the submitted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    pub key: String,
    /// A stable word for programs, such as `required`, `format`, `too_long`.
    pub reason: Cow<'static, str>,
}

impl Detail {
    pub fn new(key: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// What a request can have too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    BodyBytes,
    HeaderBytes,
    Headers,
    QueryBytes,
    QueryParameters,
}

impl Part {
    /// As it stands behind a number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyBytes => "bytes in the body",
            Self::HeaderBytes => "bytes in the headers",
            Self::Headers => "headers",
            Self::QueryBytes => "bytes in the query string",
            Self::QueryParameters => "parameters in the query string",
        }
    }
}

#[derive(Debug)]
pub enum Error {
    /// The input could not be read at all; the text says what to send instead.
    Malformed(Cow<'static, str>),
    /// The input was read and is not acceptable, with every reason known.
    Validation(Vec<Detail>),
    /// Nobody, or nobody we believe. The text is for the log; callers all see the same answer.
    Unauthenticated(&'static str),
    /// Somebody, but not allowed.
    Forbidden,
    /// There is no such thing, or it is not the caller's.
    NotFound(&'static str),
    /// A unique value is taken; the word names the key.
    AlreadyExists(Cow<'static, str>),
    /// More of a request than we read.
    TooLarge { part: Part, limit: usize },
    /// Not a media type that this endpoint reads.
    UnsupportedFormat,
    /// Too many tries; try again after the time given.
    RateLimited { retry_after: Duration },
    /// The same request is still at work; its answer will be there soon.
    InProgress,
    /// A dependency did not answer; the same call may succeed later.
    Unavailable { what: &'static str, source: Source },
    /// A setting is wrong. The same call succeeds once an operator has corrected it.
    Configuration(String),
    /// A bug or something unforeseen.
    Internal(Source),
}

impl Error {
    /// One wrong field. Use `Validation` directly for several.
    pub fn invalid(key: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Validation(vec![Detail::new(key, reason)])
    }

    /// For a dependency (database, queue, secret store) that is down, slow or refuses.
    pub fn unavailable(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable { what, source: source.into() }
    }

    /// For what should not be possible.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// A word for programs: in answers, in logs, in a job's error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Validation(_) => "validation",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::AlreadyExists(_) => "already_exists",
            Self::TooLarge { .. } => "too_large",
            Self::UnsupportedFormat => "unsupported_media_type",
            Self::RateLimited { .. } => "rate_limited",
            Self::InProgress => "in_progress",
            Self::Unavailable { .. } => "unavailable",
            Self::Configuration(_) => "configuration",
            Self::Internal(_) => "internal",
        }
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
            | Self::Validation(_)
            | Self::Unauthenticated(_)
            | Self::Forbidden
            | Self::NotFound(_)
            | Self::AlreadyExists(_)
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
            Self::Validation(details) => {
                f.write_str("invalid input:")?;
                details.iter().try_for_each(|d| write!(f, " {} ({})", d.key, d.reason))
            }
            Self::Unauthenticated(why) => write!(f, "not authenticated: {why}"),
            Self::Forbidden => f.write_str("not allowed"),
            Self::NotFound(what) => write!(f, "{what} not found"),
            Self::AlreadyExists(key) => write!(f, "{key} is taken"),
            Self::TooLarge { part, limit } => write!(f, "more than {limit} {}", part.as_str()),
            Self::UnsupportedFormat => f.write_str("unsupported media type"),
            Self::RateLimited { retry_after } => write!(f, "too many requests, retry in {retry_after:?}"),
            Self::InProgress => f.write_str("the same request is still at work"),
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
    fn only_what_may_get_better_is_retryable() {
        assert!(Error::unavailable("queue", "down").retryable());
        assert!(Error::internal("surprise").retryable());
        assert!(!Error::invalid("email", "format").retryable());
        assert!(Error::Configuration("no key".into()).retryable());
    }
}
