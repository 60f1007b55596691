//! Where Valkey or Redis is.

use std::sync::Arc;

use super::{SecretSource, reader::Reader};
use crate::domain::mask::Secret;

#[derive(Debug, Clone)]
pub struct CacheConfig {
    /// The URL of the server, with its credentials; see `check_cache_url` for the valid forms.
    pub url: SecretSource,
    /// The certificates (PEM) that may sign the server's. `None`: Amazon's.
    pub ssl_root_cert: Option<Arc<str>>,
}

/// Checks that the URL is valid, and that it uses TLS or stays on this machine.
///
/// # Errors
/// The valid form, without the URL, because it contains a password.
pub fn check_cache_url(url: &str) -> Result<(), &'static str> {
    const SHAPE: &str = "must be rediss://user:password@host:6379, or without TLS redis://localhost:6379; \
         .env.example shows all forms";
    if url.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '?' | '#')) {
        return Err(SHAPE);
    }
    let (scheme, rest) = url.split_once("://").ok_or(SHAPE)?;
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, server) = authority.rsplit_once('@').map_or((None, authority), |(c, s)| (Some(c), s));
    if credentials.is_some_and(|c| c.contains('@') || !c.contains(':')) {
        return Err(SHAPE);
    }
    let (host, port) = server.split_once(':').unwrap_or((server, "6379"));
    let named = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if !named
        || !port.parse::<u16>().is_ok_and(|port| port > 0)
        || database.parse::<u8>().is_err() && !database.is_empty()
    {
        return Err(SHAPE);
    }
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback());
    match scheme {
        "rediss" => Ok(()),
        "redis" if loopback => Ok(()),
        _ => Err(SHAPE),
    }
}

/// `None`: values are kept in Postgres.
pub(super) fn read(env: &mut Reader<'_>, prod: bool) -> Option<CacheConfig> {
    let url = match (env.optional("CACHE_URL_ARN"), env.optional("CACHE_URL")) {
        (Some(arn), _) => SecretSource::Stored(arn),
        (None, Some(url)) => {
            if prod {
                env.wrong(
                    "CACHE_URL_ARN",
                    "is missing: CACHE_URL may hold a password and is for local runs only",
                );
            }
            if let Err(shape) = check_cache_url(&url) {
                env.wrong("CACHE_URL", shape);
            }
            SecretSource::Inline(Secret::new(url))
        }
        (None, None) => return None,
    };
    Some(CacheConfig { url, ssl_root_cert: env.certificates("CACHE_SSL_ROOT_CERT") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_encrypted_or_stays_on_this_machine() {
        for url in [
            "rediss://cache.example.com",
            "rediss://cache.example.com:6379/0",
            "rediss://user:p%40ss@cache.example.com:6379",
            "rediss://:secret@cache.example.com:6379/15",
            "redis://127.0.0.1:6379",
            "redis://:secret@localhost:6379/2",
        ] {
            assert_eq!(check_cache_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "cache.example.com:6379",
            "https://cache.example.com",
            "redis://cache.example.com:6379",
            "redis://127.0.0.1.example.com:6379",
            "rediss://",
            "rediss://host:0",
            "rediss://host:port",
            "rediss://host/x",
            "rediss://user@host",
            "rediss://user:p@ss@host",
            "rediss://host#insecure",
            "rediss://host?protocol=resp3",
            "rediss://host\r\nFLUSHALL",
        ] {
            assert!(check_cache_url(url).is_err(), "{url}");
        }
    }
}
